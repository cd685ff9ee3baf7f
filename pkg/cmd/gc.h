/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gc.h - what has been left on the node by attachments that are dead, without any runtime's help:
 * those that libcni's cache knows get their DEL through their list, the others plugin by plugin.
 * Dead is what node.h can prove to be.
 */
#pragma once

/*
 * cnic gc [--dry-run] [--older-than TIME] [--timeout TIME] [--foreign] [--cache DIR]...: a line for
 * each attachment that is dead. Returns the exit status, -1 if not understood.
 */
int gc_run(int argc, char **argv);
