/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listen.h - `cnic listen`: sockets in many namespaces, for one command or forwarded to one
 * address, by one process that lives at home.
 */
#pragma once

/* argv[0] is the verb. The exit status, or -1: other words than it takes. */
int listen_run(int argc, char **argv);
