/* SPDX-License-Identifier: Apache-2.0 */
/* verify_node.h - what the host has for attachments that are none, and what all of them need. */
#pragma once

#include "cmd/verify_part.h"

void verify_node(struct verify *v);
