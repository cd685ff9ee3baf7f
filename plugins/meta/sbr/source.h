/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source.h - the addresses of the container's interface, each with the table that its packets are
 * routed by, and which routes go there. Asks the kernel nothing.
 */
#pragma once

#include "nl/route.h"
#include "nl/rule.h"
#include "skel/call.h"

#define SOURCE_TABLE_MIN 100 /* of those that ADD chooses by itself; the reference's */

struct source {
	struct ip ip;      /* with its prefix */
	struct ip gateway; /* .family AF_UNSPEC: none is known */
	bool fixed;        /* it is of `gateways`: no other default route */
	uint32_t table;
};

struct source_list {
	struct source *source;
	size_t n_source;
};

struct sbr_gateways {
	struct ip *gateway;
	size_t n_gateway;
};

/*
 * Those of a result, each once, with the gateway that the configuration, the address or the
 * result's default route says; NULL is none.
 */
void source_list(struct cni_call *c, const struct cni_result *r, const struct sbr_gateways *fixed,
		 struct source_list *out);

/* A rule that this plugin, or the reference's, has made for the address; table 0: for any. */
bool source_has_rule(const struct rule *r, const struct ip *ip, uint32_t table);

/* Does this route of the main table via the interface go to the table of s? */
bool source_takes(const struct source *s, const struct source_list *all, const struct route *r,
		  int oif);
