/* SPDX-License-Identifier: Apache-2.0 */
/*
 * result.h - the result of ADD in every spec version: one struct, decoded from and printed as the
 * version asked for. Knows the shapes (CNI spec "Result types" of each release), no plugin.
 */
#pragma once

#include "net/ip.h"
#include "json/decode.h"

struct cni_interface {
	const char *name, *mac, *sandbox; /* sandbox NULL or "": on the host */
	const char *socket_path, *pci_id;
	uint32_t mtu; /* 0 = not said */
};

struct cni_ipconfig {
	struct ip address, gateway; /* address with prefix; gateway .family AF_UNSPEC = none */
	uint32_t interface;         /* index into interfaces, if has_interface */
	bool has_interface;
};

struct cni_route {
	struct ip dst, gw;
	uint32_t mtu, advmss, priority; /* 0 = not said */
	uint32_t table, scope;
	bool has_table, has_scope;
};

struct cni_dns {
	const char **nameservers, **search, **options;
	const char *domain;
	size_t n_nameservers, n_search, n_options;
	bool has_any; /* one of the keys was there, even empty */
};

struct cni_result {
	struct cni_interface *interfaces;
	struct cni_ipconfig *ips;
	struct cni_route *routes;
	struct cni_dns dns;
	size_t n_interfaces, n_ips, n_routes;
	bool never_used; /* no attachment has had any of the ips since boot; no version's key */
};

extern const struct json_field cni_dns_fields[], cni_route_fields[];

/* The tables that decode a result since 0.3.0, and before; NULL-terminated. For `cnic keys`. */
extern const struct json_field *const cni_result_tables[], *const cni_result_tables_02[];

/*
 * Read a result object. Its cniVersion decides the shape; absent, it is `version` ("" is 0.1.0).
 * With `same_family` the two must be convertible without loss (prevResult: libcni refuses others),
 * without it any known version goes (a delegate's answer). An index beyond the interfaces is none
 * with it, an error without. Errors start with `what`.
 */
int cni_result_parse(const struct json *v, const char *version, bool same_family, const char *what,
		     struct cni_result *out, struct err *err) NODISCARD;

/*
 * The result in the shape of `version`. Fails for 0.1.0 and 0.2.0, which need an address and hold
 * one per family.
 */
int cni_result_json(const struct cni_result *r, const char *version, struct json **out,
		    struct err *err) NODISCARD;

/* The same of a result that may have no address in any version: another plugin's, handed on. */
struct json *cni_result_object(const struct cni_result *r, const char *version);

/* Is there an address of the family? */
bool cni_result_has_family(const struct cni_result *r, sa_family_t family);

/* Does any dns key have a value? */
bool cni_dns_is_set(const struct cni_dns *dns);
