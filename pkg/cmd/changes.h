/* SPDX-License-Identifier: Apache-2.0 */
/* changes.h - what a plugin's result has that the one before has not, and the other way round. */
#pragma once

#include "json/text.h"

/*
 * "+interface eth0", "-route 10.0.0.0/8 via 10.1.0.1", ...: in json's arena. A text that is no
 * result, or .at NULL, has nothing.
 */
void changes_between(struct json_text prev, struct json_text result, const char ***out, size_t *n);
