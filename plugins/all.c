/* SPDX-License-Identifier: Apache-2.0 */
/*
 * all.c - the table of plugins in this executable; make SPLIT=1 builds it once for each, with ONLY.
 */
#include "skel/call.h"

#ifdef ONLY
extern const struct cni_plugin ONLY;

const struct cni_plugin *const cni_plugins[] = { &ONLY, NULL };
#else
#define PLUGIN(symbol, name, folder) extern const struct cni_plugin symbol##_plugin;
#include "list.h"
#undef PLUGIN

#define PLUGIN(symbol, name, folder) &symbol##_plugin,
const struct cni_plugin *const cni_plugins[] = {
#include "list.h"
	NULL,
};
#endif
