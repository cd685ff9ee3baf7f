/* SPDX-License-Identifier: Apache-2.0 */
/*
 * origin.h - what a device was before ADD, in a file of the attachment: how it is known again, and
 * what it is to be again. It does not survive a reboot, after which the device is what it was.
 */
#pragma once

#include "cni/result.h"
#include "nl/link_device.h"
#include "skel/attfile.h"

struct origin {
	const char *name, *kind, *bus, *parent, *alias;
	const char *perm_mac, *mac; /* "" = the kernel says none */
	/* in the container, 0 = the same; an index changes if it is taken there */
	uint32_t index, index_inside;
	uint32_t mtu, flags; /* flags: of ORIGIN_FLAGS */
	const char **altnames;
	size_t n_altnames;
	struct cni_result addresses; /* useInterfaceNetwork: with routes; in_place: alone */
	const char *network, *netns;
	bool in_place; /* ADD found it in the container: there it stays */
};

#define ORIGIN_FLAGS (IFF_UP | IFF_PROMISC | IFF_ALLMULTI | IFF_NOARP)

/* As the device is now. */
struct origin origin_of(struct cni_call *c, const struct link_device *d);

/*
 * Is it this device? One of the hardware is known by its place in sysfs and its permanent MAC
 * address. Any other is by its alias: ADD sets it to the name on the host, as the reference does.
 * In the container, which may have changed that, index and MAC address will do.
 */
bool origin_is(const struct origin *o, const struct link_device *d, bool on_host);

/* On the host: has somebody brought it home, and used it since? */
bool origin_is_in_use(const struct origin *o, const struct link_device *d);

/* Of the hardware: the kernel sends it back to the host when its namespace ends. */
bool origin_is_hardware(const struct origin *o);

int origin_write(struct cni_call *c, const struct origin *o) NODISCARD;

/* *o is NULL if there is none that can be understood. */
int origin_read(struct cni_call *c, const struct origin **o) NODISCARD;
/*
 * Of an ADD by the reference, which keeps the name in the alias, and nothing else: it leaves the
 * device down. An alias may be anyone's: the result of that ADD, which DEL has since 0.4.0, must
 * list the interface with its MAC address.
 */
int origin_by_alias(struct cni_call *c, struct origin *o, bool *exists) NODISCARD;
int origin_decode(const struct json *v, struct origin *o, struct err *err) NODISCARD;
int origin_remove(struct cni_call *c) NODISCARD;

/*
 * ADD, of a device on the host: an attachment that has not been deleted yet may have it written
 * down. If nobody has brought the device home, what that ADD found counts, and goes into *o. The
 * other's file is *path then, to be removed once *o is written; else NULL.
 */
int origin_inherit(struct cni_call *c, const struct link_device *d, struct origin *o,
		   const char **path) NODISCARD;

/*
 * ADD, of a device in the container: ERR_IN_USE if another attachment of the container has moved it
 * in.
 */
int origin_refuse_other(struct cni_call *c, const struct link_device *d) NODISCARD;

/* GC: attfile_gc() over these files, with `mine` for those of this network. */
int origin_gc(struct cni_call *c, attfile_mine mine) NODISCARD;
