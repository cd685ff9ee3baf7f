/* SPDX-License-Identifier: Apache-2.0 */
/*
 * delegate.h - hand a command to the IPAM plugin that the configuration names (CNI spec, section
 * 4).
 *
 * The program is looked for on CNI_PATH as for any exec. When what is found is this very
 * executable, the plugin runs in-process: its own call, our arena and sink, everything else as a
 * child would have it. CNI_ALWAYS_EXEC=1 turns that off.
 */
#pragma once

#include <sys/stat.h>

#include "skel/call.h"

/*
 * The plugin that executing the file that has been found for this type would run, if that is this
 * executable; else NULL.
 */
const struct cni_plugin *cni_in_process(const char *type, const struct stat *file);

/* The IPAM plugin of a configuration. */
struct ipam {
	const char *path;                /* NULL: it names none */
	const struct cni_plugin *plugin; /* runs in this process; NULL: path is executed */
};

/* Before an ADD makes anything: ERR_CONFIG if there is no such plugin. None named is fine. */
int cni_ipam_find(struct cni_call *c, struct ipam *i) NODISCARD;

/*
 * ADD: all but the interfaces becomes the result, and pushes the release; success without
 * any if the configuration names no IPAM. The host lock must not be held if the plugin is executed.
 */
int cni_ipam_add(struct cni_call *c, const struct ipam *i) NODISCARD;

/*
 * Does the configuration's IPAM plugin speak through the container's interface, or may it? One that
 * is not ours may. The interface is up then, its port forwards, and the host lock is not held.
 */
bool cni_ipam_asks_network(const struct cni_call *c);

/*
 * Is it one of ours that does? What it gives is a lease, and may be another one by the CHECK, which
 * it compares itself.
 */
bool cni_ipam_leases(const struct cni_call *c);

/*
 * DEL, CHECK, GC, STATUS: c->req->command, forwarded. Success when the configuration names no IPAM.
 */
int cni_ipam_forward(struct cni_call *c) NODISCARD;

/*
 * DEL: one of the two forwards it. A plugin of ours that asks the network needs the interface to
 * give the address back.
 */
int cni_ipam_del_before(struct cni_call *c) NODISCARD;
int cni_ipam_del_after(struct cni_call *c) NODISCARD;
