/* SPDX-License-Identifier: Apache-2.0 */
/*
 * error.h - the error object of the specification (CNI spec 1.1.0, section 4 "Error"): written and
 * read.
 */
#pragma once

#include <stddef.h>

#include "base/err.h"

/* As compact text, in json's arena. A version that is not known becomes the latest. */
const char *cni_error_print(const struct err *e, const char *version);

/*
 * Read what another plugin answered into *out, code, msg and details; -1 if it is no error object.
 * One without words, or null, has msg "", one without a number code 0.
 */
int cni_error_parse(const char *text, size_t len, struct err *out) NODISCARD;
