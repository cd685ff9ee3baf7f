/* SPDX-License-Identifier: Apache-2.0 */
#include "cni/portmapipt.h"

#include <stdio.h>
#include <string.h>

#include "cni/iptables.h"

#define ENTRIES     "CNI-HOSTPORT-DNAT"
#define SETMARK     "CNI-HOSTPORT-SETMARK"
#define MASQ        "CNI-HOSTPORT-MASQ"
#define COMMENT_MAX 255
#define PORTS_MAX   15 /* in one multiport match */

static const char *const from[] = { ENTRIES, NULL };
static const sa_family_t families[] = { AF_INET, AF_INET6 };

struct chain {
	char name[CNI_CHAIN_LEN + 1];
};

static struct chain chain_of(const char *network, const char *container_id)
{
	struct chain chain;

	cni_hash_name(chain.name, CNI_CHAIN_LEN, "CNI-DN-", network, container_id);
	return chain;
}

/* ---- one family's mappings ------------------------------------------------------------------- */

struct work {
	struct cni_call *c;
	const struct portmap *conf;
	sa_family_t family;
	const struct nft_mapping *mappings;
	size_t n;
	struct chain chain;
	const char **lines;
	size_t n_lines;
};

static struct work work_of(struct cni_call *c, const struct portmap *conf,
			   const struct portmap_list *list, sa_family_t family)
{
	struct work w = { .c = c, .conf = conf, .family = family };
	size_t first = 0;

	while (first < list->n && list->mapping[first].to.family != family)
		first++;
	w.mappings = list->mapping + first;
	while (first + w.n < list->n && w.mappings[w.n].to.family == family)
		w.n++;
	w.chain = chain_of(c->conf.name, c->container_id);
	return w;
}

static bool marks_itself(const struct work *w)
{
	return w->conf->snat && !w->conf->external_chain;
}

static bool marks_loopback(const struct work *w)
{
	return w->conf->snat && !w->conf->masq_all && w->family == AF_INET;
}

/* ---- the text -------------------------------------------------------------------------------- */

static void line(struct work *w, const char *text)
{
	*arena_append(w->c->arena, w->lines, w->n_lines) = text;
}

#define LINE(w, ...) line((w), arena_printf((w)->c->arena, __VA_ARGS__))

static const char *join(const struct work *w)
{
	size_t len = 0;
	char *text, *p;

	for (size_t i = 0; i < w->n_lines; i++)
		len += strlen(w->lines[i]) + 1;
	p = text = arena_alloc(w->c->arena, len + 1);
	for (size_t i = 0; i < w->n_lines; i++) {
		p = stpcpy(p, w->lines[i]);
		*p++ = '\n';
	}
	return text;
}

/* As iptables-restore takes a word apart again. */
static const char *quoted(struct arena *arena, const char *word)
{
	char *out = arena_alloc(arena, strlen(word) * 2 + 3), *p = out;

	*p++ = '"';
	for (; *word; word++) {
		if (*word == '"' || *word == '\\')
			*p++ = '\\';
		*p++ = *word;
	}
	*p = '"';
	return out;
}

static const char *conditions(const struct work *w)
{
	struct arena *arena = w->c->arena;
	const char *const *words, *text = "";
	size_t n;

	portmap_conditions(w->conf, w->family, &words, &n);
	for (size_t i = 0; i < n; i++)
		text = arena_printf(arena, "%s %s", text, quoted(arena, words[i]));
	return text;
}

static const char *comment(const struct work *w)
{
	struct arena *arena = w->c->arena;
	const char *text = arena_printf(arena, "dnat name: \"%s\" id: \"%s\"", w->c->conf.name,
					w->c->container_id);

	if (strlen(text) > COMMENT_MAX)
		text = arena_printf(arena, "%.*s...", COMMENT_MAX - 3, text);
	return quoted(arena, text);
}

/* Ports of one protocol, 15 at a time, in the configuration's order: also those of the other family. */
static size_t entries(struct work *w, uint8_t protocol, bool write)
{
	const struct portmap *conf = w->conf;
	const char *ports = "";
	size_t n = 0, in_line = 0;

	for (size_t i = 0; i <= conf->n_ports; i++) {
		bool end = i == conf->n_ports;

		if (!end && portmap_protocol(&conf->ports[i]) != protocol)
			continue;
		if (in_line && (end || in_line == PORTS_MAX)) {
			if (write)
				LINE(w,
				     "-A " ENTRIES " -m comment --comment %s -m multiport -p %s "
				     "--destination-ports %s%s -j %s",
				     comment(w), nft_dnat_protocol(protocol), ports, conditions(w),
				     w->chain.name);
			n++;
			in_line = 0;
		}
		if (!end)
			ports = arena_printf(w->c->arena, "%s%s%u", in_line ? ports : "",
					     in_line ? "," : "", conf->ports[i].host_port);
		in_line++;
	}
	return n;
}

static size_t all_entries(struct work *w, bool write)
{
	static const uint8_t protocols[] = { IPPROTO_DCCP, IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP };
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		n += entries(w, protocols[i], write);
	return n;
}

/* What every mapping's rules begin with. */
static const char *match_of(const struct work *w, const struct nft_mapping *m)
{
	char text[IP_STRLEN];

	return arena_printf(w->c->arena, "-A %s -p %s --dport %u%s%s", w->chain.name,
			    nft_dnat_protocol(m->protocol), m->port, m->at.family ? " -d " : "",
			    m->at.family ? ip_str(&m->at, text) : "");
}

static void mark_lines(struct work *w, const struct nft_mapping *m, const char *match)
{
	const char *target = w->conf->external_chain ? w->conf->external_chain : SETMARK;
	const char *everybody = w->family == AF_INET ? "0.0.0.0/0" : "::/0";
	char near[IP_STRLEN];

	if (!w->conf->snat)
		return;
	LINE(w, "%s -s %s -j %s", match, w->conf->masq_all ? everybody : cidr_str(&m->to, near),
	     quoted(w->c->arena, target));
	if (marks_loopback(w))
		LINE(w, "%s -s 127.0.0.1 -j %s", match, quoted(w->c->arena, target));
}

/* Translation comes before the kernel looks for loopback addresses on a wire. */
static bool is_guarded(const struct nft_mapping *m)
{
	return m->at.family == AF_INET && ip_is_loopback(&m->at);
}

static void mapping_lines(struct work *w, const struct nft_mapping *m)
{
	const char *match = match_of(w, m);
	char to[IP_STRLEN];

	if (is_guarded(m))
		LINE(w, "%s -m addrtype ! --src-type LOCAL -j RETURN", match);
	mark_lines(w, m, match);
	LINE(w,
	     w->family == AF_INET ? "%s -j DNAT --to-destination %s:%u"
				  : "%s -j DNAT --to-destination [%s]:%u",
	     match, ip_str(&m->to, to), m->to_port);
}

static void shared_mark_lines(struct work *w)
{
	uint32_t mark = UINT32_C(1) << w->conf->mark_bit;

	LINE(w, ":" SETMARK " - [0:0]");
	LINE(w,
	     "-A " SETMARK " -m comment --comment \"CNI portfwd masquerade mark\" "
	     "-j MARK --set-xmark %#x/%#x",
	     mark, mark);
	LINE(w, ":" MASQ " - [0:0]");
	LINE(w, "-A " MASQ " -m mark --mark %#x/%#x -j MASQUERADE", mark, mark);
}

/* ---- what is there --------------------------------------------------------------------------- */

/* The jumps that all containers share; which of them are missing. */
static const struct shared {
	const char *chain, *to, *rule;
	bool for_marks;
} shared[] = {
	{ "PREROUTING", ENTRIES, "-A PREROUTING -m addrtype --dst-type LOCAL -j " ENTRIES, false },
	{ "OUTPUT", ENTRIES, "-A OUTPUT -m addrtype --dst-type LOCAL -j " ENTRIES, false },
	{ "POSTROUTING", MASQ,
	  "-I POSTROUTING 1 -m comment --comment \"CNI portfwd requiring masquerade\" -j " MASQ,
	  true },
};

static bool is_wanted(const struct work *w, const struct shared *s)
{
	return !s->for_marks || marks_itself(w);
}

/* The reference's; ours has more. */
static size_t rules_wanted(const struct work *w)
{
	return w->n * (1 + w->conf->snat + marks_loopback(w));
}

/* The container's own. */
static int has_own(struct work *w, const struct cni_iptables_view *view, bool *has)
{
	size_t rules, jumps;

	if (cni_iptables_count(w->c, view, w->chain.name, NULL, &rules) < 0 ||
	    cni_iptables_count(w->c, view, ENTRIES, w->chain.name, &jumps) < 0)
		return -1;
	*has = rules >= rules_wanted(w) && jumps >= all_entries(w, false);
	return 0;
}

static int has_shared(struct work *w, const struct cni_iptables_view *view, bool *has)
{
	size_t n = 1;

	for (size_t i = 0; n && i < ARRAY_SIZE(shared); i++)
		if (is_wanted(w, &shared[i]) &&
		    cni_iptables_count(w->c, view, shared[i].chain, shared[i].to, &n) < 0)
			return -1;
	if (n && marks_itself(w) && cni_iptables_count(w->c, view, SETMARK, NULL, &n) < 0)
		return -1;
	if (n && marks_itself(w) && cni_iptables_count(w->c, view, MASQ, NULL, &n) < 0)
		return -1;
	*has = n > 0;
	return 0;
}

static int has_family(struct work *w, bool *has)
{
	struct cni_iptables_view view;

	*has = true;
	if (!w->n)
		return 0;
	if (cni_iptables_view(w->c, w->family, CNI_IPTABLES_NAT, &view) < 0 ||
	    has_own(w, &view, has) < 0)
		return -1;
	return *has ? has_shared(w, &view, has) : 0;
}

int portmap_ipt_has(struct cni_call *c, const struct portmap *conf, const struct portmap_list *list,
		    bool *has)
{
	*has = true;
	for (size_t i = 0; *has && i < ARRAY_SIZE(families); i++) {
		struct work w = work_of(c, conf, list, families[i]);

		if (has_family(&w, has) < 0)
			return -1;
	}
	return 0;
}

/* ---- making and removing --------------------------------------------------------------------- */

static int shared_lines(struct work *w, const struct cni_iptables_view *view)
{
	bool has;

	if (cni_iptables_view_has(w->c, view, ENTRIES, &has) < 0)
		return -1;
	if (!has)
		LINE(w,
		     "-N " ENTRIES); /* not by declaring it, which flushes one that is there by now */
	if (marks_itself(w))
		shared_mark_lines(w);
	for (size_t i = 0; i < ARRAY_SIZE(shared); i++) {
		size_t n;

		if (!is_wanted(w, &shared[i]))
			continue;
		if (cni_iptables_count(w->c, view, shared[i].chain, shared[i].to, &n) < 0)
			return -1;
		if (!n)
			line(w, shared[i].rule);
	}
	return 0;
}

static void own_lines(struct work *w)
{
	LINE(w, ":%s - [0:0]", w->chain.name);
	for (size_t i = 0; i < w->n; i++)
		if (w->mappings[i].at.family != AF_UNSPEC)
			mapping_lines(w, &w->mappings[i]);
	for (size_t i = 0; i < w->n; i++)
		if (w->mappings[i].at.family == AF_UNSPEC)
			mapping_lines(w, &w->mappings[i]);
	(void)all_entries(w, true);
}

static int add_family(struct work *w)
{
	struct cni_iptables_view view;
	bool own;

	if (!w->n)
		return 0;
	if (cni_iptables_view(w->c, w->family, CNI_IPTABLES_NAT, &view) < 0)
		return -1;
	LINE(w, "*nat");
	if (shared_lines(w, &view) < 0 || has_own(w, &view, &own) < 0)
		return -1;
	if (!own)
		own_lines(w);
	LINE(w, "COMMIT");
	return cni_iptables_restore(w->c, w->family, join(w));
}

int portmap_ipt_remove(struct cni_call *c, const char *network, const char *container_id)
{
	struct chain chain = chain_of(network, container_id);
	const struct nft_doomed d = { .chain = chain.name, .from = from };

	return cni_iptables_chain_remove(c, CNI_IPTABLES_NAT, &d);
}

static void undo_add(struct cni_call *c, const void *arg)
{
	(void)arg;
	if (portmap_ipt_remove(c, c->conf.name, c->container_id) < 0)
		fprintf(stderr, "rollback: host ports: %s\n", c->err->msg);
}

static int has_any_own(struct cni_call *c, const struct portmap *conf,
		       const struct portmap_list *list, bool *all)
{
	*all = true;
	for (size_t i = 0; *all && i < ARRAY_SIZE(families); i++) {
		struct work w = work_of(c, conf, list, families[i]);
		struct cni_iptables_view view;

		if (!w.n)
			continue;
		if (cni_iptables_view(c, families[i], CNI_IPTABLES_NAT, &view) < 0 ||
		    has_own(&w, &view, all) < 0)
			return -1;
	}
	return 0;
}

/* What is there of the container's and not as it should be goes first: an ADD that fails does not bring it back. */
static int begin_anew(struct cni_call *c, const struct portmap *conf,
		      const struct portmap_list *list)
{
	bool all;

	if (has_any_own(c, conf, list, &all) < 0)
		return -1;
	if (all)
		return 0;
	cni_undo_push(c, undo_add, NULL);
	return portmap_ipt_remove(c, c->conf.name, c->container_id);
}

/* The turn, because two who look for the shared jumps at the same time would both make them. */
int portmap_ipt_add(struct cni_call *c, const struct portmap *conf, const struct portmap_list *list)
{
	bool has;

	if (cni_turn_begin(c) < 0 || portmap_ipt_has(c, conf, list, &has) < 0)
		return -1;
	if (!has && begin_anew(c, conf, list) < 0)
		return -1;
	for (size_t i = 0; !has && i < ARRAY_SIZE(families); i++) {
		struct work w = work_of(c, conf, list, families[i]);

		if (add_family(&w) < 0)
			return -1;
	}
	cni_turn_end(c);
	return 0;
}
