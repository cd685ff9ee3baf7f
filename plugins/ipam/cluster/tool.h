/* SPDX-License-Identifier: Apache-2.0 */
/* tool.h - `cnic ipam`: a space for people, and the operator's word on nodes and claims. */
#pragma once

#include "skel/call.h"

int tool_run(struct cni_call *c, const char *verb, const char *arg, const struct cni_lines *to);
