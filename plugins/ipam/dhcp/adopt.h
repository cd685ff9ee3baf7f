/* SPDX-License-Identifier: Apache-2.0 */
/*
 * adopt.h - leases that another daemon has kept in its memory alone, as the reference's does: found
 * by what libcni keeps of their attachments, and gone on with by INIT-REBOOT. The client identifier
 * is the same, so that the server knows them.
 */
#pragma once

#include "attend.h"

/*
 * All attachments since the machine's boot whose IPAM plugin is dhcp at this socket, and that have
 * no lease yet. What cannot be read is passed over.
 */
void adopt_cached(struct attend *d, const char *socket);
