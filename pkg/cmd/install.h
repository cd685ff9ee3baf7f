/* SPDX-License-Identifier: Apache-2.0 */
/*
 * install.h - the plugins into a directory, the tools into another, all of them or none, and out of
 * it again.
 */
#pragma once

/*
 * cnic install DIR [FILE...]: this executable as `cnic` and under every plugin's name, one inode:
 * that is how a delegated plugin is known to be ours. The files go beside it, or in the place of
 * the plugin of that name (make SPLIT=1). What fails is said, and leaves the directory as it was.
 * Returns the exit status.
 *
 * cnic install --tools DIR: this executable as `cnic` and `cnitool`, links to it where that can be.
 */
int install_run(int argc, char **argv);

/*
 * cnic uninstall [--tools] DIR: of those names, the files that are executables of ours, however
 * they came there. Returns the exit status.
 */
int install_remove_run(int argc, char **argv);
