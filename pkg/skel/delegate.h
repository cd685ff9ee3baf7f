/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delegate.h - hand a command to the IPAM plugin that the configuration names (CNI spec, section 4).
 *
 * The program is looked for on CNI_PATH as for any exec. When what is found is this very executable,
 * the plugin runs in-process: its own call, our arena and sink, everything else as a child would have
 * it. CNI_ALWAYS_EXEC=1 turns that off.
 */
#ifndef CNIC_SKEL_DELEGATE_H
#define CNIC_SKEL_DELEGATE_H

#include "skel/call.h"

/* ADD: takes over addresses, routes and dns to the result and registers the release. */
int cni_ipam_add(struct cni_call *c) NODISCARD;

/* DEL, CHECK, GC, STATUS: c->command, forwarded. Success when the configuration names no IPAM. */
int cni_ipam_forward(struct cni_call *c) NODISCARD;

#endif
