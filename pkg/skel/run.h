/* SPDX-License-Identifier: Apache-2.0 */
/*
 * run.h - a plugin executed by a runtime: environment and stdin become a request, which is run, and
 * its result or an error object goes to stdout. Belongs to a process; what is below it does not.
 */
#pragma once

#include "skel/call.h"

/*
 * `name` is the file's, for the error object where no plugin has it (NULL). Returns the exit
 * status.
 */
int run_plugin(const struct cni_plugin *plugin, const char *name);
