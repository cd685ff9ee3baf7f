/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/run/caps.h"

#include <linux/capability.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SETS 2 /* of 32 bits each: _LINUX_CAPABILITY_U32S_3 */

static const char *const names[] = {
	[CAP_CHOWN] = "chown",
	[CAP_DAC_OVERRIDE] = "dac_override",
	[CAP_DAC_READ_SEARCH] = "dac_read_search",
	[CAP_FOWNER] = "fowner",
	[CAP_FSETID] = "fsetid",
	[CAP_KILL] = "kill",
	[CAP_SETGID] = "setgid",
	[CAP_SETUID] = "setuid",
	[CAP_SETPCAP] = "setpcap",
	[CAP_LINUX_IMMUTABLE] = "linux_immutable",
	[CAP_NET_BIND_SERVICE] = "net_bind_service",
	[CAP_NET_BROADCAST] = "net_broadcast",
	[CAP_NET_ADMIN] = "net_admin",
	[CAP_NET_RAW] = "net_raw",
	[CAP_IPC_LOCK] = "ipc_lock",
	[CAP_IPC_OWNER] = "ipc_owner",
	[CAP_SYS_MODULE] = "sys_module",
	[CAP_SYS_RAWIO] = "sys_rawio",
	[CAP_SYS_CHROOT] = "sys_chroot",
	[CAP_SYS_PTRACE] = "sys_ptrace",
	[CAP_SYS_PACCT] = "sys_pacct",
	[CAP_SYS_ADMIN] = "sys_admin",
	[CAP_SYS_BOOT] = "sys_boot",
	[CAP_SYS_NICE] = "sys_nice",
	[CAP_SYS_RESOURCE] = "sys_resource",
	[CAP_SYS_TIME] = "sys_time",
	[CAP_SYS_TTY_CONFIG] = "sys_tty_config",
	[CAP_MKNOD] = "mknod",
	[CAP_LEASE] = "lease",
	[CAP_AUDIT_WRITE] = "audit_write",
	[CAP_AUDIT_CONTROL] = "audit_control",
	[CAP_SETFCAP] = "setfcap",
	[CAP_MAC_OVERRIDE] = "mac_override",
	[CAP_MAC_ADMIN] = "mac_admin",
	[CAP_SYSLOG] = "syslog",
	[CAP_WAKE_ALARM] = "wake_alarm",
	[CAP_BLOCK_SUSPEND] = "block_suspend",
	[CAP_AUDIT_READ] = "audit_read",
	[38] = "perfmon",
	[39] = "bpf",
	[40] = "checkpoint_restore",
};

bool run_caps_add(uint64_t *caps, const char *name)
{
	if (!strcasecmp(name, "all")) {
		*caps = ~0ULL;
		return true;
	}
	if (!strncasecmp(name, "cap_", 4))
		name += 4;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcasecmp(names[i], name)) {
			*caps |= 1ULL << i;
			return true;
		}
	return false;
}

/* Of this process. */
static int get(struct __user_cap_data_struct sets[SETS])
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };

	return (int)syscall(SYS_capget, &header, sets);
}

bool run_caps_has(int capability)
{
	struct __user_cap_data_struct sets[SETS] = { 0 };

	return get(sets) == 0 && sets[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability);
}

/* EINVAL: the kernel has no more of them. */
static int limit_bounding(uint64_t caps, struct err *err)
{
	for (int i = 0; i < 64; i++)
		if (!(caps >> i & 1) && prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0)
			return errno == EINVAL ? 0 : err_sys(err, "drop capability %d", i);
	return 0;
}

static int limit_sets(uint64_t caps, struct err *err)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[SETS];

	if (get(sets) < 0)
		return err_sys(err, "capget");
	for (size_t i = 0; i < SETS; i++) {
		uint32_t kept = sets[i].permitted & (uint32_t)(caps >> 32 * i);

		sets[i] = (struct __user_cap_data_struct){ kept, kept, kept };
	}
	return syscall(SYS_capset, &header, sets) < 0 ? err_sys(err, "capset") : 0;
}

/* What it has not, or the kernel has not, is refused, and meant to be left out. */
static int raise_ambient(uint64_t caps, struct err *err)
{
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return err_sys(err, "clear ambient capabilities");
	for (int i = 0; caps >> i && i < 63; i++)
		if (caps >> i & 1 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0) < 0 &&
		    errno != EPERM && errno != EINVAL)
			return err_sys(err, "keep capability %d", i);
	return 0;
}

int run_caps_limit(uint64_t caps, struct err *err)
{
	if (limit_bounding(caps, err) < 0 || limit_sets(caps, err) < 0 ||
	    raise_ambient(caps, err) < 0)
		return -1;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(err, "no_new_privs");
	return 0;
}
