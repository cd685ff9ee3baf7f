/* SPDX-License-Identifier: Apache-2.0 */
/* pkg/net/mac: the values of `printf TEXT | sha256sum`. */
#include "net/mac.h"
#include "tap.h"

static void is_mac(const char *address, const char *want)
{
	uint8_t mac[MAC_LEN];
	char buf[MAC_STRLEN];
	struct ip ip;

	ok(ip_parse(&ip, address), "%s", address);
	mac_from_ip(mac, &ip);
	is_str(mac_str(mac, buf), want, address);
}

int main(void)
{
	is_mac("10.1.0.2", "0a:58:0a:01:00:02");
	is_mac("255.254.253.252", "0a:58:ff:fe:fd:fc");
	is_mac("fd00::2", "0a:58:21:09:4b:f0");
	is_mac("2001:db8:1111:2222:3333:4444:5555:6666", "0a:58:90:8a:89:44");
	return done_testing();
}
