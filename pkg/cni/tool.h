/* SPDX-License-Identifier: Apache-2.0 */
/* tool.h - the executable under its own name: for people, not for runtimes. */
#ifndef CNIC_CNI_TOOL_H
#define CNIC_CNI_TOOL_H

/* cnic --list | --version | --install DIR [FILE...] | --uninstall DIR | repair ... The exit status; -1 if nothing was understood. */
int cni_tool(int argc, char **argv);

#endif
