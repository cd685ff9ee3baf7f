/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scan.h - is this byte string one JSON text? Says nothing about what it means.
 *
 * cJSON is lenient where Go's encoding/json is not; this runs before it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* NULL if the text is well-formed, otherwise what is wrong, and at which byte. Of any length. */
const char *json_scan(const char *text, size_t len, size_t *at);

/* Length of the well-formed UTF-8 sequence (RFC 3629) at s, 0 if there is none. */
size_t json_utf8_len(const char *s);
