/* SPDX-License-Identifier: Apache-2.0 */
/* sysctl.h - values below /proc/sys. /proc/sys/net shows the namespace of the opening thread. */
#pragma once

#include <stddef.h>

#include "base/err.h"

/* Paths are relative to /proc/sys, components separated by '/': "net/ipv4/ip_forward". */
int sysctl_read(const char *path, char *buf, size_t size, struct err *err) NODISCARD;
int sysctl_write(const char *path, const char *value, struct err *err) NODISCARD;

/* Write only if it differs: a write that changes nothing still wakes inotify watchers. */
int sysctl_ensure(const char *path, const char *value, struct err *err) NODISCARD;
