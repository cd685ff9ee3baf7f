/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount.h - single steps of mounting, in the mount namespace of this process (mount(2),
 * open_tree(2), move_mount(2), mount_setattr(2): Linux 5.12). A tree is a copy of mounts that is
 * attached nowhere yet, by a descriptor. Which mounts there are to be is mounts.h's.
 */
#pragma once

#include <stdbool.h>

#include "base/err.h"

/* Flags of mount(2) that all but what holds programs and devices gets. */
#define RUN_MOUNT_INERT (MS_NOSUID | MS_NODEV | MS_NOEXEC)

/*
 * What is mounted or unmounted outside is not so here any more, nor the other way round. Programs
 * get no capabilities of their files here: one that misses some of them could not be executed at
 * all (EPERM, get_file_caps() in security/commoncap.c), ping for one.
 */
int run_mount_separate(struct err *err) NODISCARD;

/* A copy of what is mounted at `path` below `dir` and further down; the caller's descriptor. */
int run_mount_clone(int dir, const char *path, struct err *err) NODISCARD;

/* A tree gets its place, `target` below `dir`. A symbolic link there is covered, not followed. */
int run_mount_attach_at(int tree, int dir, const char *target, struct err *err) NODISCARD;
int run_mount_attach(int tree, const char *target, struct err *err) NODISCARD;

/* The same, but a symbolic link is followed, as mount(2) follows it. */
int run_mount_attach_behind(int tree, const char *target, struct err *err) NODISCARD;

/* What is mounted at `path` below `dir`, and, `deep`, further down: it cannot be written to. */
int run_mount_read_only(int dir, const char *path, bool deep, struct err *err) NODISCARD;

/* No device in a tree can be opened. */
int run_mount_without_devices(int tree, struct err *err) NODISCARD;

/* A new file system of this type. */
int run_mount_new(const char *type, const char *target, unsigned long flags, const char *data,
		  struct err *err) NODISCARD;
