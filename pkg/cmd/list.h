/* SPDX-License-Identifier: Apache-2.0 */
/* list.h - the attachments of this node, for people and for programs. */
#pragma once

/*
 * cnic list [--json] [--cache DIR]...: a table, or a list of objects (describe.h). cnic show
 * [--json|--dot] [--cache DIR]... [WHAT]: those of a container id, a network, a namespace's path,
 * an address, or a port of the host, in full; or as a graph. Return the exit status, -1 if not
 * understood; show's is 1 if there is none.
 */
int list_run(int argc, char **argv);
int list_show_run(int argc, char **argv);
