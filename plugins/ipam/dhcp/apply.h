/* SPDX-License-Identifier: Apache-2.0 */
/*
 * apply.h - what a lease changes in its container after the ADD, whose main plugin has configured
 * the interface: another address, other routes, another MTU. Touches nothing that no lease said.
 */
#pragma once

#include "answer.h"

struct apply {
	int netns_fd, index; /* the interface's */
};

/* 0: nothing to do. */
int apply_mtu(const struct apply *to, uint16_t mtu, struct err *err) NODISCARD;

/*
 * From one result to the other, NULL: none. What is new is there before the old goes, but
 * where the kernel takes both away: then it comes again at once.
 */
int apply_result(const struct apply *to, const struct cni_result *from,
		 const struct cni_result *now, struct err *err) NODISCARD;
