/* SPDX-License-Identifier: Apache-2.0 */
#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "base/sha512.h"
#include "cni/args.h"
#include "packet.h"
#include "packet6.h"

#define ID_MAX       254 /* bytes behind the type: one option's value is at most 255 */
#define REQUEST6_MAX 32
#define ID_HASH      32 /* digits */

/* clang-format off */
static const struct json_field provide_fields[] = {
	F_STR("option", struct dhcp_provide, option, .required = true),
	F_STR("value", struct dhcp_provide, value, .max = 255),
	F_STR("fromArg", struct dhcp_provide, from_arg),
	F_END
};

static const struct json_field request_fields[] = {
	F_STR("option", struct dhcp_ask_for, option),
	F_BOOL("skipDefault", struct dhcp_ask_for, skip_default),
	F_END
};

static const struct json_field request6_fields[] = {
	F_STR("option", struct dhcp_ask_for6, option, .required = true),
	F_END
};

static const struct json_field ipam_fields[] = {
	F_STR("daemonSocketPath", struct dhcp_conf, socket_path),
	F_LIST("provide", struct dhcp_conf, provide, provide_fields, .max = 255),
	F_LIST("request", struct dhcp_conf, request, request_fields, .max = 255),
	F_UINT("priority", struct dhcp_conf, priority),
	F_UINT("probe", struct dhcp_conf, probe, .max = 60000),
	F_UINT("resendMax", struct dhcp_conf, resend_max, .max = 3600),
	F_UINT("resendTimeout", struct dhcp_conf, resend_timeout, .max = 86400),
	F_BOOL("broadcast", struct dhcp_conf, broadcast, HAS(struct dhcp_conf, broadcast)),
	F_BOOL("ipv4", struct dhcp_conf, ipv4),
	F_STR("ipv6", struct dhcp_conf, ipv6),
	F_BOOL("rapidCommit", struct dhcp_conf, rapid_commit),
	F_LIST("request6", struct dhcp_conf, request6, request6_fields, .max = REQUEST6_MAX),
	F_END
};

const struct json_field dhcp_fields[] = {
	F_HERE("ipam", ipam_fields, HAS(struct dhcp_conf, ipam)),
	F_END
};
/* clang-format on */

const struct dhcp_conf dhcp_defaults = {
	.socket_path = "/run/cni/dhcp.sock",
	.ipv4 = true,
	.ipv6 = "",
};

/* The names that the reference knows. */
static const struct {
	const char *name;
	uint8_t code;
} names[] = {
	{ "dhcp-client-identifier", DHCP_OPT_CLIENT_ID },
	{ "subnet-mask", DHCP_OPT_MASK },
	{ "routers", DHCP_OPT_ROUTER },
	{ "host-name", DHCP_OPT_HOSTNAME },
	{ "user-class", DHCP_OPT_USER_CLASS },
	{ "vendor-class-identifier", DHCP_OPT_VENDOR_CLASS },
};

/* A name, or 1 to 254: pad and end hold no value. -1: neither. */
static int code_of(const char *text)
{
	char *end;
	unsigned long v;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(text, names[i].name))
			return names[i].code;
	if (strspn(text, "0123456789") != strlen(text) || !*text)
		return -1;
	v = strtoul(text, &end, 10);
	return v && v < DHCP_OPT_END ? (int)v : -1;
}

/* What a client says itself. */
static bool is_clients(int code)
{
	return code == DHCP_OPT_ADDRESS || code == DHCP_OPT_OVERLOAD || code == DHCP_OPT_TYPE ||
	       code == DHCP_OPT_SERVER || code == DHCP_OPT_REQUEST_LIST;
}

static int check_code(const char *key, size_t i, const char *text, struct err *err)
{
	if (code_of(text) < 0)
		return err_config(err, "ipam.%s[%zu].option: Can not parse option \"%.80s\"", key,
				  i, text);
	return 0;
}

/* 1 to 65535; 0: it is none. */
static uint16_t code6_of(const char *text)
{
	unsigned long v;

	if (!*text || strlen(text) > 5 || strspn(text, "0123456789") != strlen(text))
		return 0;
	v = strtoul(text, NULL, 10);
	return v <= UINT16_MAX ? (uint16_t)v : 0;
}

bool dhcp_options_want_ipv6(const struct dhcp_conf *conf)
{
	return !strcmp(conf->ipv6, "dhcp");
}

bool dhcp_options_want_slaac(const struct dhcp_conf *conf)
{
	return !strcmp(conf->ipv6, "slaac");
}

static int validate_ipv6(const struct dhcp_conf *conf, struct err *err)
{
	if (*conf->ipv6 && !dhcp_options_want_ipv6(conf) && !dhcp_options_want_slaac(conf))
		return err_config(err, "ipam.ipv6: \"%.40s\" is neither dhcp nor slaac",
				  conf->ipv6);
	if (!conf->ipv4 && !*conf->ipv6)
		return err_config(err, "ipam.ipv4: false, and no ipam.ipv6: nothing is left");
	for (size_t i = 0; i < conf->n_request6; i++)
		if (!code6_of(conf->request6[i].option))
			return err_config(err, "ipam.request6[%zu].option: no option: \"%.80s\"", i,
					  conf->request6[i].option);
	return 0;
}

int dhcp_options_validate(const struct dhcp_conf *conf, struct err *err)
{
	if (!conf->has_ipam)
		return err_config(err, "IPAM config missing 'ipam' key");
	if (*conf->socket_path != '/')
		return err_config(err, "ipam.daemonSocketPath: no absolute path: %.80s",
				  conf->socket_path);
	if (strlen(conf->socket_path) > ASK_PATH_MAX)
		return err_config(err, "ipam.daemonSocketPath: longer than %d bytes", ASK_PATH_MAX);
	for (size_t i = 0; i < conf->n_provide; i++) {
		const char *option = conf->provide[i].option;

		if (check_code("provide", i, option, err) < 0)
			return -1;
		if (is_clients(code_of(option)))
			return err_config(err, "ipam.provide[%zu].option: %s is the client's own",
					  i, option);
	}
	for (size_t i = 0; i < conf->n_request; i++)
		if (conf->request[i].option &&
		    check_code("request", i, conf->request[i].option, err) < 0)
			return -1;
	return validate_ipv6(conf, err);
}

/* ---- as on the wire -------------------------------------------------------------------------- */

struct values {
	struct {
		const void *at;
		size_t len;
	} of[256];
};

static void set(struct values *v, uint8_t code, const void *at, size_t len)
{
	v->of[code].at = at;
	v->of[code].len = len;
}

static const char *client_id(const char *key, size_t *len)
{
	char *id = arena_alloc(json_arena(), 1 + ID_MAX + ID_HASH + 1);
	uint8_t hash[SHA512_LEN];
	struct sha512 s;

	*len = 1 + strlen(key);
	if (*len <= 1 + ID_MAX) {
		memcpy(id + 1, key, *len - 1);
		return id;
	}
	sha512_begin(&s);
	sha512_add(&s, key, strlen(key));
	sha512_end(&s, hash);
	*len = 1 + ID_MAX;
	memcpy(id + 1, key, ID_MAX - ID_HASH);
	for (size_t i = 0; i < ID_HASH / 2; i++)
		(void)snprintf(id + *len - ID_HASH + 2 * i, 3, "%02x", hash[i]);
	return id;
}

/* The reference's order: what the user wants, then router and mask. */
static void set_request_list(struct values *v, const struct dhcp_conf *conf)
{
	static const uint8_t defaults[] = { DHCP_OPT_ROUTER, DHCP_OPT_MASK };
	/* of the reference's library, where there would be none */
	static const uint8_t library[] = { DHCP_OPT_MASK, DHCP_OPT_ROUTER, DHCP_OPT_DOMAIN,
					   DHCP_OPT_DNS };
	uint8_t *list = arena_alloc(json_arena(), conf->n_request + sizeof(defaults));
	bool skip = false;
	size_t n = 0;

	for (size_t i = 0; i < conf->n_request; i++) {
		skip |= conf->request[i].skip_default;
		if (conf->request[i].option)
			list[n++] = (uint8_t)code_of(conf->request[i].option);
	}
	for (size_t i = 0; !skip && i < sizeof(defaults); i++)
		if (!memchr(list, defaults[i], n))
			list[n++] = defaults[i];
	if (n)
		set(v, DHCP_OPT_REQUEST_LIST, list, n);
	else
		set(v, DHCP_OPT_REQUEST_LIST, library, sizeof(library));
}

static int set_provided(struct values *v, const struct dhcp_conf *conf, const char *cni_args,
			struct err *err)
{
	for (size_t i = 0; i < conf->n_provide; i++) {
		const struct dhcp_provide *p = &conf->provide[i];
		const char *arg =
			p->from_arg ? cni_args_get(cni_args, p->from_arg, json_arena()) : NULL;
		const char *value = arg ? arg : p->value ? p->value : "";

		if (strlen(value) > 255)
			return err_config(err,
					  "ipam.provide[%zu]: CNI_ARGS %.80s is longer than 255", i,
					  p->from_arg);
		if (*value)
			set(v, (uint8_t)code_of(p->option), value, strlen(value));
	}
	return 0;
}

static int print_values(const struct values *v, const uint8_t **options, size_t *len,
			struct err *err)
{
	uint8_t *to = arena_alloc(json_arena(), DHCP_OPTIONS_MAX);

	*options = to;
	*len = 0;
	for (unsigned int code = 0; code < ARRAY_SIZE(v->of); code++) {
		if (!v->of[code].len)
			continue;
		if (*len + 2 + v->of[code].len > DHCP_OPTIONS_MAX)
			return err_config(err, "ipam.provide: more than %d bytes of options",
					  DHCP_OPTIONS_MAX);
		to[(*len)++] = (uint8_t)code;
		to[(*len)++] = (uint8_t)v->of[code].len;
		memcpy(to + *len, v->of[code].at, v->of[code].len);
		*len += v->of[code].len;
	}
	return 0;
}

int dhcp_options_make(const struct dhcp_conf *conf, const char *key, const char *cni_args,
		      const uint8_t **options, size_t *len, struct err *err)
{
	static const uint8_t max_size[] = { DHCP_MTU >> 8, DHCP_MTU & 0xff };
	struct values *v = arena_new(json_arena(), struct values);
	size_t id_len;
	const char *id = client_id(key, &id_len);

	set(v, DHCP_OPT_MAX_SIZE, max_size, sizeof(max_size));
	set(v, DHCP_OPT_CLIENT_ID, id, id_len);
	set_request_list(v, conf);
	if (set_provided(v, conf, cni_args, err) < 0)
		return -1;
	return print_values(v, options, len, err);
}

const char *dhcp_options_request6(const struct dhcp_conf *conf)
{
	char *text = arena_alloc(json_arena(), 4 * REQUEST6_MAX + 1);

	if (!conf->n_request6)
		(void)snprintf(text, 9, "%04x%04x", DHCP6_OPT_DNS, DHCP6_OPT_SEARCH);
	for (size_t i = 0; i < conf->n_request6; i++)
		(void)snprintf(text + 4 * i, 5, "%04x", code6_of(conf->request6[i].option));
	return text;
}
