/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon.h - `cnic dhcp`, also `dhcp daemon`: looks after the leases of this node's containers. One
 * process, one thread; ends by SIGTERM or SIGINT, and leaves the leases where they are, for the
 * next one to go on with.
 */
#pragma once

/*
 * argv[0] is its name; the options are the reference's, with one dash or two. Returns the exit
 * status: 0, it was told to end; 1, it could not start; -1: it does not understand an option.
 */
int dhcp_daemon(int argc, char **argv);
