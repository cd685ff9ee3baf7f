/* SPDX-License-Identifier: Apache-2.0 */
#include "nft/nflog.h"

#include <arpa/inet.h>
#include <linux/netfilter/nfnetlink_log.h>

#include "nft/attr.h"

#define COPY_BYTES 128 /* of a packet, at most */

static void config(struct nl *nl, uint16_t group, const char *label)
{
	struct nfgenmsg header = { .nfgen_family = AF_UNSPEC,
				   .version = NFNETLINK_V0,
				   .res_id = htons(group) };

	nl_msg(nl, NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG, 0, &header, sizeof(header), label);
}

/* A threshold of 1: the kernel would keep up to a hundred packets back, for up to a second. */
int nflog_open(struct nl *nl, uint16_t group, struct err *err)
{
	const struct nfulnl_msg_config_cmd bind = { .command = NFULNL_CFG_CMD_BIND };
	const struct nfulnl_msg_config_mode mode = { .copy_range = htonl(COPY_BYTES),
						     .copy_mode = NFULNL_COPY_PACKET };

	if (nl_open_bus(nl, NETLINK_NETFILTER, err) < 0)
		return -1;
	config(nl, group, "listen to what nf_tables logs");
	nl_put(nl, NFULA_CFG_CMD, &bind, sizeof(bind));
	if (nl_commit(nl) < 0)
		return -1;
	config(nl, group, "say how nf_tables logs");
	nl_put(nl, NFULA_CFG_MODE, &mode, sizeof(mode));
	nft_be32(nl, NFULA_CFG_QTHRESH, 1);
	return nl_commit(nl);
}

struct reader {
	void (*take)(const struct nflog *l, void *data);
	void *data;
};

static int read_one(const struct nlmsghdr *nlh, void *data)
{
	const struct nfgenmsg *header = mnl_nlmsg_get_payload(nlh);
	const struct reader *r = data;
	const struct nlattr *payload;

	if (nlh->nlmsg_type != (NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET) ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(*header))
		return MNL_CB_OK;
	payload = nft_attrs_of_msg(nlh).of[NFULA_PAYLOAD];
	if (payload)
		r->take(&(struct nflog){ .family = header->nfgen_family,
					 .packet = mnl_attr_get_payload(payload),
					 .len = mnl_attr_get_payload_len(payload) },
			r->data);
	return MNL_CB_OK;
}

void nflog_read(struct nl *nl, void (*take)(const struct nflog *l, void *data), void *data)
{
	struct reader r = { take, data };
	struct err *own = nl->err, ignored = { 0 };

	nl->err = &ignored;
	while (nl_wait(nl, NULL, 0, read_one, &r) == 2)
		continue;
	nl->err = own;
}
