/* SPDX-License-Identifier: Apache-2.0 */
/* dot.h - the networks of this node as a graph for Graphviz. */
#pragma once

#include "cmd/node.h"

/*
 * Prints a graph: containers with their addresses, the bridges or masters that they are on with all
 * their ports, what is published on the host. `list` is of describe_attachment().
 */
void dot_print(const struct node *node, const struct json *list);
