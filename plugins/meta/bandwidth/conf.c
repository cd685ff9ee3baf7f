/* SPDX-License-Identifier: Apache-2.0 */
#include "conf.h"

#include <string.h>

#define LIMITS_FIELDS(m)                                                 \
	LIMIT_FIELDS("ingress", struct bandwidth_conf, m.ingress),       \
		LIMIT_FIELDS("egress", struct bandwidth_conf, m.egress), \
		F_RAW("shapedSubnets", struct bandwidth_conf, m.shaped), \
		F_RAW("unshapedSubnets", struct bandwidth_conf, m.unshaped)

const struct json_field bandwidth_fields[] = {
	LIMITS_FIELDS(keys),
	F_UINT("latency", struct bandwidth_conf, latency, .min = 1, .max = 60000),
	F_STR("queue", struct bandwidth_conf, queue),
	F_HERE("runtimeConfig", F_TABLE(F_HERE("bandwidth", F_TABLE(LIMITS_FIELDS(runtime))))),
	F_END,
};

const struct bandwidth_conf bandwidth_defaults = { .latency = 25, .queue = "" };

/* ---- what is asked for ----------------------------------------------------------------------- */

/* The reference has had them for a while. To pass over them would shape what must not be. */
static int refuse(struct cni_call *c, const char *path, const char *key, const struct json *v)
{
	if (!v || (json_is_list(v) && !json_first(v)))
		return 0;
	return err_set(c->err, ERR_FIELD, "%s%s: %.200s is not supported, all traffic is shaped",
		       path, key, json_print(v));
}

static int validate_limits(struct cni_call *c, struct limits *l, const char *path)
{
	if (refuse(c, path, "shapedSubnets", l->shaped) < 0 ||
	    refuse(c, path, "unshapedSubnets", l->unshaped) < 0 ||
	    limit_validate(c, &l->ingress, arena_printf(c->arena, "%singress", path)) < 0)
		return -1;
	return limit_validate(c, &l->egress, arena_printf(c->arena, "%segress", path));
}

static bool is_given(const struct limits *l)
{
	return l->ingress.has_rate || l->ingress.has_burst || l->egress.has_rate ||
	       l->egress.has_burst;
}

/* If one of the keys is there, none of the runtime's counts. */
int bandwidth_validate(struct cni_call *c)
{
	struct bandwidth_conf *conf = c->conf;

	conf->limits = is_given(&conf->keys) ? &conf->keys : &conf->runtime;
	if (*conf->queue && strcmp(conf->queue, "fq_codel") != 0)
		return err_config(c->err, "queue: \"%.80s\" is none, fq_codel is", conf->queue);
	if (validate_limits(c, &conf->keys, "") < 0 ||
	    validate_limits(c, &conf->runtime, "runtimeConfig.bandwidth.") < 0)
		return -1;
	if (c->req->command == CNI_ADD && !c->req->prev)
		return err_config(
			c->err,
			"prevResult: missing, bandwidth goes behind an interface's plugin in a chain");
	return 0;
}
