/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rule.h - policy routing rules that choose a table by source address: "from SRC lookup TABLE". See
 * ip-rule(8), uapi/fib_rules.h.
 */
#pragma once

#include "base/arena.h"
#include "net/ip.h"
#include "nl/io.h"

struct rule {
	struct ip src;     /* src.family picks the family, plen 0 is "all" */
	uint32_t table;    /* 0: none, its action is another one */
	uint32_t priority; /* of one to make, 0 = the kernel's choice */
	uint8_t protocol;  /* RTPROT_*, found */
	bool only_by_src;  /* found: it selects by nothing but src */
	bool has_priority; /* of one to remove: this very one */
};

struct rule_list {
	struct rule *rule;
	size_t n_rule;
	struct arena *arena;
};

/* Queue. EEXIST if there is an equal one, of whatever priority where none is given. */
void nl_rule_add(struct nl *nl, const struct rule *r);
/* Queue. ENOENT if there is none. */
void nl_rule_del(struct nl *nl, const struct rule *r);

/* All of IPv4 and IPv6, in the order of the kernel's; out->arena must be set. */
int nl_rule_list(struct nl *nl, struct rule_list *out) NODISCARD;
