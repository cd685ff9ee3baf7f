/* SPDX-License-Identifier: Apache-2.0 */
/* tool_release.h - the operator's word: a node that is gone for good, a claim that nobody needs. */
#pragma once

#include "tool_verify.h"

/*
 * Its registers go first, so that it can do nothing from then on but give what it had; then blocks
 * and single addresses, each by the revision that was read. Again completes what was interrupted.
 */
int tool_release_node(struct tool *t, const char *uuid);

/* The addresses that the claim keeps, which nobody may have at the time. */
int tool_release_claim(struct tool *t, const char *name);
