/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run.h - a command on a network of its own: namespaces, networks, the command, and all gone with
 * it. This is the order of things; what each is stands in the other files of the folder.
 */
#pragma once

/* cnic run [OPTION...] [--] COMMAND...: the command's exit status, or one of enum run_exit. */
int run_run(int argc, char **argv);
