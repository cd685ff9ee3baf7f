/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link_device.h - an interface that goes from one network namespace to another and has to be known
 * again there, whatever it is called: what the kernel says of its device, its alias and its
 * alternative names.
 */
#pragma once

#include "base/arena.h"
#include "nl/link.h"

#define LINK_PARENT_LEN  64
#define LINK_ALIAS_LEN   256 /* IFALIASZ */
#define LINK_ALTNAME_LEN 128 /* ALTIFNAMSIZ */

struct link_device {
	struct link link;
	uint8_t perm_mac[MAC_LEN]; /* that of the hardware; zeroed = the kernel says none */
	/* the device in sysfs, /sys/bus/BUS/devices/PARENT; "" = none, and before Linux 5.14 */
	char bus[LINK_PARENT_LEN], parent[LINK_PARENT_LEN];
	char alias[LINK_ALIAS_LEN];
	const char **altnames; /* these in the arena */
	size_t n_altnames;
};

struct link_device_list {
	struct link_device *device;
	size_t n_device;
	struct arena *arena;
};

/* By name (or an alternative one) or index, of which one is given; link.index 0 = there is none. */
int nl_device_find(struct nl *nl, const char *name, int index, struct arena *arena,
		   struct link_device *out) NODISCARD;

/* All of the namespace by their indexes; out->arena must be set. */
int nl_device_list(struct nl *nl, struct link_device_list *out) NODISCARD;

/* Queue. "" removes the alias. */
void nl_link_alias(struct nl *nl, int index, const char *alias);
void nl_altname_add(struct nl *nl, int index, const char *name);
void nl_altname_del(struct nl *nl, int index, const char *name);
