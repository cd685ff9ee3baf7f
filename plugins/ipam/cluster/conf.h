/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf.h - the keys of cluster: whereabouts' (range, range_start, range_end, exclude, ipRanges,
 * gateway, network_name, enable_overlapping_ranges, node_slice_size, addresses), and our own.
 */
#pragma once

#include "etcd/client.h"
#include "pool.h"
#include "skel/call.h"

#define CONF_SETS_MAX 64

struct conf_address {
	const char *address, *gateway;
};

struct cluster_conf {
	struct pool_text only, *ranges;
	size_t n_ranges;
	const char *gateway, *network_name, *slice;
	bool overlapping;
	struct conf_address *addresses;
	size_t n_addresses;
	struct cni_route *routes;
	size_t n_routes;
	struct cni_dns dns;
	const char *data_dir;
	uint8_t block4, block6; /* lengths of the blocks' prefixes */
	bool has_block4, has_block6;
	uint32_t idle, version;
	const char *sticky, *claim, *mac;
	const char **args_ips, **runtime_ips;
	size_t n_args_ips, n_runtime_ips;
	const char *prefix, *password_file;
	struct etcd_conf etcd;
	bool has_ipam;
	const char
		*etcd_fault; /* why etcd cannot be asked, of a configuration that does not pass */
	/* by conf_resolve(): */
	struct pool *pools; /* one address of each is given */
	size_t n_pools;
	struct ip gateway_ip;
	struct cni_ipconfig *fixed; /* `addresses` */
	size_t n_fixed;
	const char *space;     /* what all its keys begin with; "": not known */
	const char *claim_key; /* "": nothing is sticky */
};

extern const struct json_field conf_fields[];
extern const struct cluster_conf conf_defaults;
extern const char *const conf_args[];

/* Before ADD, CHECK and STATUS; what it says is for people who write configurations. */
int conf_resolve(struct cni_call *c) NODISCARD;

/*
 * For DEL and GC, with a configuration that may not pass any more: what talking to etcd needs, or
 * .etcd_fault; with `pools` also the pools, none if they are not right, and the space, if it can be
 * told.
 */
void conf_resolve_lenient(struct cni_call *c, bool pools);

bool conf_has_etcd(const struct cluster_conf *conf);

/*
 * Length of a block's prefix, and how many of the pool's blocks are claimed as such, from the
 * first.
 */
uint8_t conf_block_length(const struct cluster_conf *conf, const struct pool *p);
uint64_t conf_blocks(const struct cluster_conf *conf, const struct pool *p);
