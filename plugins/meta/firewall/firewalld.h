/* SPDX-License-Identifier: Apache-2.0 */
/*
 * firewalld.h - forwarding by firewalld: a container's addresses are sources of a zone. The talking
 * is done by cnic-firewalld, an executable beside this one, which is there if it has been built
 * (make FIREWALLD=1).
 */
#pragma once

#include "backend.h"

extern const struct fw_backend fw_firewalld;

/* Is there a system bus, and firewalld on it? Executes nothing where there is no bus. */
bool fw_firewalld_is_running(struct cni_call *c);

/* Its helper is installed; ERR_FIELD if not. */
int fw_firewalld_is_usable(struct cni_call *c) NODISCARD;
