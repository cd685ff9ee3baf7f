/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fold.h - a configuration list whose plugins become one plugin `chain`, and back. All bytes of the
 * file stay as they are, but for what stands around its plugins.
 */
#pragma once

#include <stdbool.h>

#include "json/text.h"

/*
 * The list's bytes, folded or unfolded, into *out. Code 7, with the reason, for what cannot be:
 * nothing else of the list would be the same.
 */
int fold_list(const char *bytes, size_t len, bool unfold, struct json_buf *out,
	      struct err *err) NODISCARD;

/*
 * cnic fold [--unfold] FILE: what it was stays beside it, as FILE.unfolded or FILE.folded. Returns
 * the exit status, -1 if not understood.
 */
int fold_run(int argc, char **argv);
