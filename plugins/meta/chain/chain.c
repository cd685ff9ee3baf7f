/* SPDX-License-Identifier: Apache-2.0 */
/* chain - a list of plugins as one: what a runtime does with a list, in one process. */
#include "libcni/call.h"
#include "part.h"

/* What load_plugin() (part.c) reads; here for the errors, and for `cnic keys`. */
struct chain_item {
	const char *type;
	const struct json *capabilities;
};

struct chain_conf {
	struct chain_item *plugins;
	size_t n_plugins;
	struct chain chain;
};

static const struct json_field item_fields[] = {
	F_STR("type", struct chain_item, type, .required = true),
	F_MAP("capabilities", struct chain_item, capabilities), F_END
};

static const struct json_field chain_fields[] = {
	F_LIST("plugins", struct chain_conf, plugins, item_fields, .max = CNI_PARTS_MAX), F_END
};

static int chain_validate(struct cni_call *c)
{
	struct chain_conf *conf = c->conf;

	if (!conf->n_plugins)
		return err_config(c->err, "plugins: missing, or empty");
	if (chain_load(c, &conf->chain, NULL) < 0)
		return -1;
	return chain_find_all(&conf->chain);
}

/* ---- the verbs ------------------------------------------------------------------------------- */

/* Each plugin's result is the next one's prevResult. */
static int chain_add(struct cni_call *c)
{
	struct chain_conf *conf = c->conf;
	struct chain *chain = &conf->chain;
	struct json_text result = chain->prev;

	undo_push(c, chain_undo, chain);
	for (size_t i = 0; i < chain->list.n_plugins; i++)
		if (chain_call(chain, i, result, &result) < 0)
			return libcni_failed(&chain->list.plugins[i], "add", c->err);
	return chain_take_result(c, result);
}

/* From the last to the first, and all of them: what one cannot remove does not keep the others. */
static int chain_del(struct cni_call *c)
{
	struct chain *chain = &((struct chain_conf *)c->conf)->chain;
	struct cni_steps steps = { 0 };

	if (chain_load(c, chain, &steps) < 0)
		return -1;
	for (size_t i = chain->list.n_plugins; i-- > 0;) {
		int rc = chain_call(chain, i, chain->prev, NULL);

		if (rc < 0)
			(void)libcni_failed(&chain->list.plugins[i], "delete", c->err);
		cni_step(c, &steps, rc);
	}
	return cni_steps_end(c, &steps);
}

static int chain_check(struct cni_call *c)
{
	struct chain_conf *conf = c->conf;

	for (size_t i = 0; i < conf->chain.list.n_plugins; i++)
		if (chain_call(&conf->chain, i, conf->chain.prev, NULL) < 0)
			return -1;
	return 0;
}

static int chain_gc(struct cni_call *c)
{
	struct chain *chain = &((struct chain_conf *)c->conf)->chain;
	const struct json_text none = { 0 };
	struct cni_steps steps = { 0 };

	if (chain_load(c, chain, &steps) < 0)
		return -1;
	for (size_t i = 0; i < chain->list.n_plugins; i++) {
		int rc = chain_call(chain, i, none, NULL);

		if (rc < 0)
			err_prefix(c->err, "failed to GC plugin %s", chain->list.plugins[i].type);
		cni_step(c, &steps, rc);
	}
	return cni_steps_end(c, &steps);
}

static int chain_status(struct cni_call *c)
{
	struct chain_conf *conf = c->conf;
	const struct json_text none = { 0 };

	for (size_t i = 0; i < conf->chain.list.n_plugins; i++)
		if (chain_call(&conf->chain, i, none, NULL) < 0)
			return -1;
	return 0;
}

const struct cni_plugin chain_plugin = {
	.name = "chain",
	.fields = chain_fields,
	.conf_size = sizeof(struct chain_conf),
	.no_netns = true,
	.validate = chain_validate,
	.add = chain_add,
	.del = chain_del,
	.check = chain_check,
	.gc = chain_gc,
	.status = chain_status,
};
