/* SPDX-License-Identifier: Apache-2.0 */
#include "iface/mac.h"

int mac_choose(struct cni_call *c, const struct mac_source *sources, size_t n, const uint8_t **mac)
{
	uint8_t *out = arena_array(c->arena, uint8_t, MAC_LEN);

	*mac = NULL;
	for (size_t i = 0; i < n; i++) {
		if (!sources[i].mac || !*sources[i].mac)
			continue;
		if (!mac_parse(out, sources[i].mac))
			return err_config(c->err, "%s: \"%.40s\" is not a MAC address",
					  sources[i].where, sources[i].mac);
		if (mac_is_zero(out) || out[0] & 1)
			return err_config(c->err, "%s: %s is not a unicast address",
					  sources[i].where, sources[i].mac);
		*mac = out;
		return 0;
	}
	return 0;
}

void mac_set_from_ip(struct cni_call *c, struct link *inside)
{
	mac_from_ip(inside->mac, &c->result.ips[0].address);
	nl_link_mac(c->sandbox, inside->index, inside->mac);
}
