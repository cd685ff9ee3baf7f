/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cnic.h - the executable under its own name: for people, not for runtimes. A verb is a row of
 * the table in cnic.c, and a file of this folder where it is more than a line.
 */
#pragma once

/*
 * argv[0] is the executable's name. The exit status; -1, and a usage message on stderr, if no verb
 * was understood.
 */
int cnic(int argc, char **argv);
