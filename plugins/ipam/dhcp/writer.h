/* SPDX-License-Identifier: Apache-2.0 */
/* writer.h - a message being written into a buffer. What does not fit is told at the end. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct writer {
	uint8_t *at;
	size_t left;
	bool overflow;
};

static inline void writer_put(struct writer *w, const void *data, size_t len)
{
	if (len > w->left) {
		w->overflow = true;
		return;
	}
	if (len)
		memcpy(w->at, data, len);
	w->at += len;
	w->left -= len;
}
