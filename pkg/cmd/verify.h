/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verify.h - what is kept of attachments, the kernel's state and what plugins keep, held against
 * each other. Changes nothing.
 */
#pragma once

/*
 * cnic verify [--timeout TIME] [--cache DIR]...: a line for each thing that is not as it should be,
 * with what to do.
 * Returns the exit status: 0, all is well; 1, something is left over or will fail; 2, an attachment
 * that lives is damaged; 3, not all could be looked at. -1 if not understood.
 */
int verify_run(int argc, char **argv);
