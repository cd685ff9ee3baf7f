/* SPDX-License-Identifier: Apache-2.0 */
/*
 * firewalld.h - forwarding by firewalld: a container's addresses are sources of a zone. The talking
 * is done by cnic-firewalld, an executable beside this one, which is there if it has been built
 * (make FIREWALLD=1).
 */
#pragma once

#include "backend.h"
#include "skel/call.h"

extern const struct fw_backend fw_firewalld;

/* Is there a system bus, and firewalld on it? Executes nothing where there is no bus. */
int fw_firewalld_is_running(struct cni_call *c, bool *running) NODISCARD;

/* Its helper is installed; ERR_FIELD if not. */
int fw_firewalld_is_usable(struct cni_call *c) NODISCARD;
