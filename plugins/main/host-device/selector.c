/* SPDX-License-Identifier: Apache-2.0 */
#include "selector.h"

#include <string.h>

#define KERNELPATH "/sys/devices/"

/* ---- what is asked for ----------------------------------------------------------------------- */

static int resolve_device_id(struct selector *s, const char *sys, struct arena *arena,
			     struct err *err)
{
	struct sysfs_device d = { 0 };

	if (!*s->device_id)
		return 0;
	if (sysfs_is_pci_address(s->device_id))
		sysfs_find(sysfs_path(sys, "pci", s->device_id, arena), &d, arena);
	s->pci = d.exists ? s->device_id : "";
	if (d.exists)
		return 0;
	if (sysfs_is_device_name(s->device_id))
		sysfs_find(sysfs_path(sys, "auxiliary", s->device_id, arena), &d, arena);
	s->aux = s->device_id;
	if (!d.exists)
		return err_config(err,
				  "runtimeConfig.deviceID: there is no PCI or auxiliary device "
				  "\"%.80s\"",
				  s->device_id);
	return 0;
}

static int resolve_kernelpath(struct selector *s, struct arena *arena, struct err *err)
{
	const char *path = s->kernelpath;

	if (strncmp(path, KERNELPATH, strlen(KERNELPATH)) != 0 || strstr(path, "/../") ||
	    !strcmp(strrchr(path, '/'), "/.."))
		return err_config(err, "kernelpath: \"%.200s\" is no path below " KERNELPATH, path);
	path = arena_strdup(arena, path);
	for (char *end = strrchr(path, '/'); !end[1]; end = strrchr(path, '/'))
		*end = '\0';
	sysfs_find(path, &s->sysfs, arena);
	return 0;
}

/* Its driver says whether it has an interface, whichever key finds that. */
static int resolve_pci(struct selector *s, const char *sys, struct arena *arena, struct err *err)
{
	struct sysfs_device d = { 0 };

	if (!sysfs_is_pci_address(s->pci))
		return err_config(err, "pciBusID: \"%.40s\" is not a PCI address", s->pci);
	sysfs_find(sysfs_path(sys, "pci", s->pci, arena), &d, arena);
	if (!d.exists)
		return err_config(err, "pciBusID: there is no PCI device %s", s->pci);
	if (!d.has_driver)
		return err_config(err, "pciBusID: no driver has the device %s", s->pci);
	s->userspace = d.userspace;
	if (!*s->kernelpath)
		s->sysfs = d;
	return 0;
}

int selector_resolve(struct selector *s, const char *sys, struct arena *arena, struct err *err)
{
	s->aux = "";
	if (resolve_device_id(s, sys, arena, err) < 0)
		return -1;
	if (!*s->device && !*s->hwaddr && !*s->kernelpath && !*s->pci && !*s->aux)
		return err_config(err, "device: missing; one of device, hwaddr, kernelpath, "
				       "pciBusID and runtimeConfig.deviceID is needed");
	if (*s->hwaddr && !mac_parse(s->mac, s->hwaddr))
		return err_config(err, "hwaddr: \"%.40s\" is not a MAC address", s->hwaddr);
	if (*s->kernelpath && resolve_kernelpath(s, arena, err) < 0)
		return -1;
	if (*s->pci)
		return resolve_pci(s, sys, arena, err);
	if (*s->aux && !*s->kernelpath)
		sysfs_find(sysfs_path(sys, "auxiliary", s->aux, arena), &s->sysfs, arena);
	return 0;
}

/* ---- where it is ----------------------------------------------------------------------------- */

/* The first of a namespace that fits. */
static int find_in_list(struct cni_call *c, struct nl *nl, const struct selector *s,
			struct link_device *out)
{
	struct link_device_list list = { .arena = c->arena };

	*out = (struct link_device){ 0 };
	if (nl_device_list(nl, &list) < 0)
		return -1;
	for (size_t i = 0; i < list.n_device && !out->link.index; i++) {
		const struct link_device *d = &list.device[i];
		bool fits = *s->hwaddr ? !memcmp(d->link.mac, s->mac, MAC_LEN)
				       : s->sysfs.parent && !strcmp(d->parent, s->sysfs.parent);

		if (fits)
			*out = *d;
	}
	return 0;
}

static int find_on_host(struct cni_call *c, const struct selector *s, struct link_device *out)
{
	if (*s->device)
		return nl_device_find(c->host, s->device, 0, c->arena, out);
	if (*s->hwaddr)
		return find_in_list(c, c->host, s, out);
	*out = (struct link_device){ 0 };
	return s->sysfs.netdev ? nl_device_find(c->host, s->sysfs.netdev, 0, c->arena, out) : 0;
}

static int not_found(struct cni_call *c, const struct selector *s)
{
	const char *const keys[][2] = {
		{ "device", s->device },
		{ "hwaddr", s->hwaddr },
		{ "kernelpath", s->kernelpath },
		{ "pciBusID", s->pci },
		{ "runtimeConfig.deviceID", s->aux },
	};
	size_t i = 0;

	while (!*keys[i][1])
		i++;
	return err_config(c->err,
			  "%s: there is no interface of %s on the host, nor a device of it in %s",
			  keys[i][0], keys[i][1], c->req->netns);
}

int selector_find(struct cni_call *c, const struct selector *s, struct link_device *out,
		  bool *inside)
{
	int rc;

	*inside = false;
	if (find_on_host(c, s, out) < 0)
		return -1;
	if (out->link.index)
		return 0;
	*inside = true;
	rc = *s->device ? nl_device_find(c->sandbox, s->device, 0, c->arena, out)
			: find_in_list(c, c->sandbox, s, out);
	if (rc < 0)
		return -1;
	/* what another plugin has made for another name is not meant */
	if (!out->link.index || (*out->link.kind && strcmp(out->link.name, c->req->ifname) != 0))
		return not_found(c, s);
	return 0;
}
