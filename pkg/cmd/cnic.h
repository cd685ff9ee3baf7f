/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cnic.h - the executable under its own name: for people, not for runtimes. A verb is a file of
 * this folder.
 */
#ifndef CNIC_CMD_CNIC_H
#define CNIC_CMD_CNIC_H

/*
 * argv[0] is the executable's name. The exit status; -1 if no verb was understood, which stderr has
 * been told.
 */
int cnic(int argc, char **argv);

#endif
