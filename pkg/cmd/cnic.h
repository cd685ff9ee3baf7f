/* SPDX-License-Identifier: Apache-2.0 */
/* cnic.h - the executable under its own name: for people, not for runtimes. */
#ifndef CNIC_CMD_CNIC_H
#define CNIC_CMD_CNIC_H

/* cnic --list | --version | --install DIR [FILE...] | --uninstall DIR | repair ... The exit status; -1 if nothing was understood. */
int cni_tool(int argc, char **argv);

#endif
