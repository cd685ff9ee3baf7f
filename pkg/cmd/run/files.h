/* SPDX-License-Identifier: Apache-2.0 */
/*
 * files.h - what /etc/resolv.conf and /etc/hosts of a command say, as its networks want it. Makes
 * texts, writes no file.
 */
#pragma once

#include "cmd/run/networks.h"
#include "cmd/run/sandbox.h"
#include "cni/result.h"

/*
 * resolv.conf(5): the servers of --dns, or those that the networks name (the other settings are
 * theirs in any case), or else the host's but those that only the host can reach, on its loopback.
 * hosts(5): localhost, and the command's host name at each of its addresses. Neither where the
 * command is in a namespace whose network is not ours, but for --dns. Memory is json's arena.
 */
void run_files_make(const struct run_networks *n, const struct cni_result *results,
		    size_t n_results, struct run_texts *out);
