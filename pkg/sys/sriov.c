/* SPDX-License-Identifier: Apache-2.0 */
#include "sys/sriov.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/scope.h"
#include "base/str.h"
#include "sys/file.h"

#define ATTRIBUTE_MAX 4096 /* of sysfs: a page */

struct finder {
	const char *sys, *device;
	struct arena *arena;
};

/* DDDD:BB:DD.F, and nothing that leads elsewhere. */
static bool is_pci_address(const char *s)
{
	return strlen(s) >= 7 && strlen(s) <= 32 && strchr(s, ':') &&
	       strspn(s, "0123456789abcdefABCDEF:.") == strlen(s) && !strstr(s, "..");
}

static const char *device_path(const struct finder *f, const char *below)
{
	return arena_printf(f->arena, "%s/bus/pci/devices/%s%s", f->sys, f->device, below);
}

/* Last component of where a link leads, NULL if it is none. */
static const char *link_name(const struct finder *f, const char *path)
{
	char target[PATH_MAX];
	ssize_t n = readlink(path, target, sizeof(target) - 1);
	const char *slash;

	if (n <= 0)
		return NULL;
	target[n] = '\0';
	slash = strrchr(target, '/');
	return arena_strdup(f->arena, slash ? slash + 1 : target);
}

/* An interface's attribute without its newline; "" if it has none. */
static const char *attribute(const struct finder *f, const char *ifname, const char *key)
{
	const char *path = arena_printf(f->arena, "%s/class/net/%s/%s", f->sys, ifname, key), *text;
	struct err ignored = { 0 };
	size_t len;

	if (file_read(path, ATTRIBUTE_MAX, f->arena, &text, &len, &ignored) < 0)
		return "";
	return arena_strndup(f->arena, text, strcspn(text, "\n"));
}

/*
 * The first name in a directory that `fits` (NULL = all do) and an interface could have; NULL if
 * none does.
 */
static const char *find_name(const struct finder *f, const char *dir,
			     bool (*fits)(const struct finder *f, const char *name,
					  const void *arg),
			     const void *arg)
{
	auto_dir DIR *d = opendir(dir);
	const struct dirent *e;

	while (d && (e = readdir(d)))
		if (!str_ifname_fault(e->d_name) && (!fits || fits(f, e->d_name, arg)))
			return arena_strdup(f->arena, e->d_name);
	return NULL;
}

/* ---- the VF ---------------------------------------------------------------------------------- */

static bool is_userspace(const char *driver)
{
	static const char *const drivers[] = { "vfio-pci", "uio_pci_generic", "igb_uio" };

	for (size_t i = 0; driver && i < ARRAY_SIZE(drivers); i++)
		if (!strcmp(driver, drivers[i]))
			return true;
	return false;
}

int sriov_find_netdev(const char *sys, const char *device, struct sriov *out, struct arena *arena,
		      struct err *err)
{
	const struct finder f = { sys, device, arena };

	*out = (struct sriov){ 0 };
	if (!is_pci_address(device))
		return err_config(err, "deviceID: \"%.40s\" is not a PCI address", device);
	out->exists = !access(device_path(&f, ""), F_OK);
	out->userspace = is_userspace(link_name(&f, device_path(&f, "/driver")));
	if (!out->userspace)
		out->netdev = find_name(&f, device_path(&f, "/net"), NULL, NULL);
	return 0;
}

/* ---- uplink and representor ------------------------------------------------------------------ */

/* phys_port_name (Documentation/networking/switchdev): p0, pf0vf3, c1pf0vf3, in old drivers 3. */
static bool number(const char **s, const char *prefix, unsigned int *n)
{
	size_t len = strlen(prefix);
	char *end;

	if (strncmp(*s, prefix, len) != 0 || (*s)[len] < '0' || (*s)[len] > '9')
		return false;
	*n = (unsigned int)strtoul(*s + len, &end, 10);
	*s = end;
	return true;
}

static bool is_uplink_port(const char *port, unsigned int *pf)
{
	return number(&port, "p", pf) && (!*port || *port == 's');
}

static bool is_uplink(const struct finder *f, const char *name, const void *arg)
{
	const char *port;
	unsigned int pf;

	(void)arg;
	if (!*attribute(f, name, "phys_switch_id"))
		return false;
	port = attribute(f, name, "phys_port_name");
	return !*port || is_uplink_port(port, &pf);
}

struct wanted {
	const char *switch_id;
	unsigned int index, pf;
	bool has_pf;
};

static bool is_representor(const struct finder *f, const char *name, const void *arg)
{
	const struct wanted *w = arg;
	unsigned int controller, pf, vf;
	const char *port;

	if (strcmp(attribute(f, name, "phys_switch_id"), w->switch_id) != 0)
		return false;
	port = attribute(f, name, "phys_port_name");
	if (number(&port, "", &vf))
		return !*port && vf == w->index;
	(void)number(&port, "c", &controller);
	if (!number(&port, "pf", &pf) || !number(&port, "vf", &vf) || *port)
		return false;
	return vf == w->index && (!w->has_pf || pf == w->pf);
}

/* The PF's links virtfn0, virtfn1, ... lead to its VFs. */
static bool is_virtfn(const struct finder *f, const char *name, const void *arg)
{
	const char *target, *digits = name;
	unsigned int n;

	(void)arg;
	if (!number(&digits, "virtfn", &n) || *digits)
		return false;
	target = link_name(f, arena_printf(f->arena, "%s/%s", device_path(f, "/physfn"), name));
	return target && !strcmp(target, f->device);
}

static int find_representor(const struct finder *f, struct sriov *out, struct err *err)
{
	struct wanted want = { .index = out->index };
	const char *port = attribute(f, out->uplink, "phys_port_name");

	want.switch_id = attribute(f, out->uplink, "phys_switch_id");
	want.has_pf = is_uplink_port(port, &want.pf);
	out->representor =
		find_name(f, arena_printf(f->arena, "%s/class/net", f->sys), is_representor, &want);
	if (!out->representor)
		return err_config(err, "deviceID: VF %u of %s has no representor", out->index,
				  out->uplink);
	return 0;
}

int sriov_find(const char *sys, const char *device, struct sriov *out, struct arena *arena,
	       struct err *err)
{
	const struct finder f = { sys, device, arena };
	const char *link, *digits;

	if (sriov_find_netdev(sys, device, out, arena, err) < 0)
		return -1;
	if (!out->exists)
		return err_config(err, "deviceID: there is no PCI device %s", device);
	link = find_name(&f, device_path(&f, "/physfn"), is_virtfn, NULL);
	digits = link;
	if (!link || !number(&digits, "virtfn", &out->index))
		return err_config(err, "deviceID: %s is no SR-IOV virtual function", device);
	out->uplink = find_name(&f, device_path(&f, "/physfn/net"), is_uplink, NULL);
	if (!out->uplink)
		return err_config(err, "deviceID: the adapter of %s is not in switchdev mode",
				  device);
	return find_representor(&f, out, err);
}

void sriov_uplinks(const char *sys, const char *uplink, struct arena *arena, const char ***names,
		   size_t *n)
{
	const struct finder f = { .sys = sys, .arena = arena };
	const char *bond =
		link_name(&f, arena_printf(arena, "%s/class/net/%s/master", sys, uplink));
	char *members = bond ? arena_strdup(arena, attribute(&f, bond, "bonding/slaves")) : NULL,
	     *name;

	*names = NULL;
	*n = 0;
	if (!members || !*members) {
		*arena_append(arena, *names, *n) = uplink;
		return;
	}
	*arena_append(arena, *names, *n) = bond;
	while ((name = strsep(&members, " ")))
		if (*name)
			*arena_append(arena, *names, *n) = name;
}
