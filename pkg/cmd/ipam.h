/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ipam.h - what an IPAM plugin says of addresses that it shares with other nodes. The network's
 * configuration is found as cnitool finds it, or is the file that is named.
 */
#pragma once

/* cnic ipam VERB NETWORK|FILE [ARG]. Returns the exit status, -1 if not understood. */
int ipam_run(int argc, char **argv);
