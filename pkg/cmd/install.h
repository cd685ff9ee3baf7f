/* SPDX-License-Identifier: Apache-2.0 */
/* install.h - the plugins into a directory, all of them or none, and out of it again. */
#pragma once

#include <stddef.h>

#include "base/attr.h"

/*
 * This executable as `cnic` and under every plugin's name, one inode: that is how a delegated
 * plugin is known to be ours. `files` go beside it, or in the place of the plugin of that name
 * (make SPLIT=1). What fails is said, and leaves the directory as it was.
 */
int install_files(const char *dir, char *const *files, size_t n) NODISCARD;

/* Of those names, the files that are executables of ours, however they came there. */
int install_remove(const char *dir) NODISCARD;

/* cnic install DIR [FILE...], cnic uninstall DIR: the exit status. */
int install_run(int argc, char **argv);
int install_remove_run(int argc, char **argv);
