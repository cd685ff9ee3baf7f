/* SPDX-License-Identifier: Apache-2.0 */
/* describe.h - an attachment of the node as a JSON object: what list and show print. */
#pragma once

#include "cmd/node.h"

/*
 * For a terminal: a text of a file or a link that somebody else has named, its control characters
 * replaced. In json's arena.
 */
const char *describe_plain(const char *s);

/* For a shell's command line: one word, in single quotes if it has to be. In json's arena. */
const char *describe_word(const char *s);

/* "network N, container C, interface I", for a terminal. */
const char *describe_name(const struct node_attachment *a);

/*
 * {"network", "containerId", "ifName", "netns", "pids", "addresses", "plugins", "state", "why",
 * "age" (seconds), "hostLink", "kept"} and what its plugins say of it ("bridge", "ports",
 * "ingressRate", ...); members that are not known are left out. In json's arena.
 */
struct json *describe_attachment(const struct node *node, const struct node_attachment *a);
