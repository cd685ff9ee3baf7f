/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resume.h - the start of a daemon: leases that others had go on. They are asked about spread over
 * some seconds (attend_wake()).
 */
#pragma once

#include "answer.h"
#include "attend.h"

/*
 * All files, by this process alone as long as it lives; what cannot go on is given back. A file
 * that cannot be read now is read by resume_unread().
 */
int resume_files(struct attend *d, struct err *err) NODISCARD;
void resume_unread(struct attend *d);

/*
 * One that another daemon had in its memory, and what it has given: until when is not known, at
 * most for `most` ms. `mac` is its interface's hardware address, by which it is known; NULL or "":
 * its name alone is.
 */
int resume_other(struct attend *d, const struct ask *a, const struct dhcp_answer *given,
		 const char *mac, int64_t most, struct err *err) NODISCARD;
