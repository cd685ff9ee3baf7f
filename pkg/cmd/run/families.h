/* SPDX-License-Identifier: Apache-2.0 */
/*
 * families.h - sockets of a family that no network namespace holds, and no rule of nftables sees:
 * AF_VSOCK leads to the hypervisor, or to the virtual machines of this one (vsock(7)).
 */
#pragma once

#include "base/err.h"

/*
 * This process and its children get none (EAFNOSUPPORT), by a filter of seccomp(2): nor io_uring
 * (ENOSYS), which makes sockets that no filter sees, nor, where another instruction set is run as
 * well, its socketcall(2). Needs CAP_SYS_ADMIN or no_new_privs. On other machines than x86-64 and
 * arm64 nothing is filtered.
 */
int run_families_limit(struct err *err) NODISCARD;
