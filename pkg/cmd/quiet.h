/* SPDX-License-Identifier: Apache-2.0 */
/* quiet.h - whether attachments are being added or removed at the moment. */
#pragma once

/*
 * Returns when nothing of an attachment has been written or removed for a while, which is at once
 * on a node where nothing happens; after three seconds in any case.
 */
void quiet_wait(void);
