/* SPDX-License-Identifier: Apache-2.0 */
/* words.h - what Go's libraries call things, for texts that users and scripts know. */
#pragma once

/* As %q quotes it; characters beyond ASCII stay as they are. In json's arena, as the others. */
const char *libcni_words_quoted(const char *s);

/* Of an errno: strerror(3) in small letters. */
const char *libcni_words_errno(int error);

/* Of a status that waitpid(2) gave: "exit status 4", "signal: killed". */
const char *libcni_words_status(int status);
