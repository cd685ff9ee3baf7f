/* SPDX-License-Identifier: Apache-2.0 */
#include "attrs.h"

#include <string.h>

#include "iface/carry.h"

bool attrs_any(const struct attrs *a)
{
	return a->has_mac || a->has_mtu || a->has_txqlen || a->has_promisc || a->has_allmulti;
}

void attrs_merge(struct attrs *a, const struct attrs *more)
{
	if (!a->has_mac)
		memcpy(a->mac, more->mac, MAC_LEN);
	if (!a->has_mtu)
		a->mtu = more->mtu;
	if (!a->has_txqlen)
		a->txqlen = more->txqlen;
	if (!a->has_promisc)
		a->promisc = more->promisc;
	if (!a->has_allmulti)
		a->allmulti = more->allmulti;
	a->has_mac |= more->has_mac;
	a->has_mtu |= more->has_mtu;
	a->has_txqlen |= more->has_txqlen;
	a->has_promisc |= more->has_promisc;
	a->has_allmulti |= more->has_allmulti;
}

void attrs_get(struct attrs *now, const struct attrs *a, const struct link *l)
{
	*now = *a;
	memcpy(now->mac, l->mac, MAC_LEN);
	now->mtu = l->mtu;
	now->txqlen = l->txqlen;
	now->promisc = l->flags & IFF_PROMISC;
	now->allmulti = l->flags & IFF_ALLMULTI;
}

/* ---- setting --------------------------------------------------------------------------------- */

/*
 * Without IFF_LIVE_ADDR_CHANGE a driver answers EBUSY. What goes with IFF_UP comes back, whether or
 * not it takes the address then.
 */
static int set_mac(struct cni_call *c, int index, const uint8_t mac[MAC_LEN])
{
	struct cni_steps steps = { 0 };
	struct carry k;

	nl_link_mac(c->sandbox, index, mac);
	if (nl_commit(c->sandbox) == 0)
		return 0;
	if (c->err->sys != EBUSY)
		return -1;
	err_clear(c->err);
	if (carry_list(c, index, &k) < 0)
		return -1;
	nl_link_flags(c->sandbox, index, 0, IFF_UP);
	nl_link_mac(c->sandbox, index, mac);
	nl_link_up(c->sandbox, index);
	cni_step(c, &steps, nl_commit(c->sandbox));
	cni_step(c, &steps, carry_put_back(c, &k));
	return cni_steps_end(c, &steps);
}

int attrs_set(struct cni_call *c, int index, const struct attrs *a)
{
	uint32_t flags = (a->promisc ? IFF_PROMISC : 0) | (a->allmulti ? IFF_ALLMULTI : 0);
	uint32_t mask = (a->has_promisc ? IFF_PROMISC : 0) | (a->has_allmulti ? IFF_ALLMULTI : 0);

	if (a->has_mac && set_mac(c, index, a->mac) < 0)
		return -1;
	if (a->has_mtu)
		nl_link_mtu(c->sandbox, index, a->mtu);
	if (a->has_txqlen)
		nl_link_txqlen(c->sandbox, index, a->txqlen);
	if (mask)
		nl_link_flags(c->sandbox, index, flags & mask, mask);
	return nl_queued(c->sandbox) ? nl_commit(c->sandbox) : 0;
}

/* ---- CHECK ----------------------------------------------------------------------------------- */

static int differs(struct cni_call *c, const char *key, const char *wanted, const char *found)
{
	return err_set(c->err, ERR_CHECK, "%s of %s: wanted %s, found %s", key, c->req->ifname,
		       wanted, found);
}

static int check_number(struct cni_call *c, const char *key, uint32_t wanted, uint32_t found)
{
	if (wanted == found)
		return 0;
	return differs(c, key, arena_printf(c->arena, "%u", wanted),
		       arena_printf(c->arena, "%u", found));
}

static int check_flag(struct cni_call *c, const char *key, bool wanted, bool found)
{
	static const char *const words[] = { "false", "true" };

	return wanted == found ? 0 : differs(c, key, words[wanted], words[found]);
}

int attrs_check(struct cni_call *c, const struct attrs *a, const struct link *l)
{
	char wanted[MAC_STRLEN], found[MAC_STRLEN];
	struct attrs now;

	attrs_get(&now, a, l);
	if (a->has_mac && memcmp(a->mac, now.mac, MAC_LEN) != 0)
		return differs(c, "mac", mac_str(a->mac, wanted), mac_str(now.mac, found));
	if (a->has_mtu && check_number(c, "mtu", a->mtu, now.mtu) < 0)
		return -1;
	if (a->has_txqlen && check_number(c, "txQLen", a->txqlen, now.txqlen) < 0)
		return -1;
	if (a->has_promisc && check_flag(c, "promisc", a->promisc, l->promiscuity > 0) < 0)
		return -1;
	return a->has_allmulti ? check_flag(c, "allmulti", a->allmulti, now.allmulti) : 0;
}
