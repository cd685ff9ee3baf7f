/* SPDX-License-Identifier: Apache-2.0 */
/* say.h - lines on stderr, for a terminal: a name may be anybody's word. */
#pragma once

#include "base/attr.h"

/* "cnic: listen: ...", as a line. Lost where stderr takes none: it does not wait. */
void listen_say(const char *fmt, ...) PRINTF(1, 2);
