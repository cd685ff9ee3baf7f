/* SPDX-License-Identifier: Apache-2.0 */
/*
 * conf.h - the configuration of portmap: its keys, which backend they mean, and the mappings that
 * they and a result come to. Decides, and changes nothing.
 */
#pragma once

#include "cni/result.h"
#include "condition.h"
#include "json/decode.h"

#define PORTMAP_MARK_BIT 13

struct portmap_port {
	uint32_t host_port, container_port;
	const char *protocol; /* NULL: not said */
	struct ip host_ip;
};

struct portmap_mapping {
	struct ip at;     /* on the host; .family AF_UNSPEC: any address of the family of `to` */
	struct ip to;     /* the container's, with its subnet's prefix length */
	uint8_t protocol; /* IPPROTO_TCP, ... */
	uint16_t port, to_port;
	size_t index; /* of the port that it comes from */
};

struct portmap_list {
	struct portmap_mapping *mapping;
	size_t n;
};

/* Our own table, the reference's, the reference's chains of iptables. */
enum portmap_backend { PORTMAP_OWN, PORTMAP_NFTABLES, PORTMAP_IPTABLES };

struct portmap {
	const char *backend; /* NULL: not said */
	bool snat, masq_all, has_mark_bit;
	uint32_t mark_bit;
	const char *external_chain; /* NULL: none */
	const char **conditions[2]; /* of IPv4 and of IPv6 */
	size_t n_conditions[2];
	struct portmap_port *ports;
	size_t n_ports;

	/* portmap_resolve() */
	enum portmap_backend chosen;
	bool may_fall_back;       /* to iptables, where the kernel has no nf_tables */
	struct condition cond[2]; /* not of PORTMAP_IPTABLES */

	struct portmap_list list; /* of the attachment, by portmap_list() */
	bool is_recorded;         /* portmap_from_record() */

	struct portmap_siblings *siblings; /* portmap_siblings() */
	size_t n_siblings;
	bool has_siblings;
	int *oifs; /* portmap_close_loopback(): done, of a GC */
	size_t n_oifs;
};

extern const struct json_field portmap_fields[];
extern const struct portmap portmap_defaults;

/* Which backend, with which conditions; errors name the key. */
int portmap_resolve(struct portmap *p, struct arena *arena, struct err *err) NODISCARD;

/* "tcp", "udp", "sctp", "dccp"; NULL for others. */
const char *portmap_protocol_name(uint8_t protocol);
/* IPPROTO_*, TCP if none is said; 0 for what is none of these. */
uint8_t portmap_protocol(const char *name);

/* What is wrong with the ports themselves, by the path of the key. */
int portmap_check_ports(const struct portmap *p, struct arena *arena, struct err *err) NODISCARD;

/*
 * The mappings that lead to the interface of that name in the result: those of IPv4, then those of
 * IPv6. Ports that portmap_check_ports() would refuse are left out.
 */
struct portmap_list portmap_list(const struct portmap *p, const struct cni_result *result,
				 const char *ifname, struct arena *arena);

/* In the order of their places on the host; 0: it is the same. */
int portmap_by_place(const struct portmap_mapping *a, const struct portmap_mapping *b);

/* "host port 192.0.2.1:8080/tcp" */
const char *portmap_mapping_name(const struct portmap_mapping *m, struct arena *arena);

/* 16 digits that tell one set of conditions from another. */
const char *portmap_tag(const struct portmap *p, struct arena *arena);
