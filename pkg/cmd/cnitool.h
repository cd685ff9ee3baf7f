/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cnitool.h - the executable under the name cnitool: the tool of the CNI project, by pkg/libcni.
 * Output and exit status are those of its releases; options beyond them are its own.
 */
#pragma once

/*
 * cnitool add|check|del|gc|status NAME NETNS, with the environment NETCONFPATH, CNI_PATH, CAP_ARGS,
 * CNI_ARGS, CNI_IFNAME. Returns the exit status.
 */
int cnitool(int argc, char **argv);
