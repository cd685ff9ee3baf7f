/* SPDX-License-Identifier: Apache-2.0 */
/*
 * call.h - one plugin call: what the runtime asked, the two namespaces as sockets, the result being
 * made, the undo stack. A plugin is a descriptor; it does not read the environment, print or exit.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "cni/conf.h"
#include "cni/env.h"
#include "nl/link.h"
#include "skel/host_lock.h"
#include "skel/undo.h"
#include "sys/deferred.h"

struct identity;
struct record;
struct spawn_result;

/* What the runtime asked; nothing changes it once it is complete (run.c). */
struct cni_request {
	enum cni_command command;
	const char *container_id, *netns, *ifname, *args, *path; /* never NULL, "" = not given */
	const char *stdin_text;                                  /* for delegates */
	size_t stdin_len;
	int timeout_ms; /* of a delegate that is executed; 0 = none */
	/* a tool asks: an IPAM plugin that is not on the path is this executable's, as for DEL */
	bool own_ipam;
	bool keep_entry;               /* DEL: the registry's entry goes when the caller is done */
	struct cni_conf net;           /* the keys that every configuration has */
	const struct cni_result *prev; /* CHECK, chained ADD: prevResult; NULL if none */
	const struct record *record;   /* repair: what the ADD has left; else NULL */
	/* repair: turn the rules to this one's; NULL = as recorded */
	const char *backend;
};

/* One plugin at work. */
struct cni_call {
	const struct cni_request *req;
	const struct cni_plugin *plugin;
	void *conf;               /* the plugin's own keys, decoded by .fields */
	struct cni_result result; /* ADD: what will be printed */
	/* These are the outer call's, if there is one; the sandbox, if that is in the same. */
	union {
		struct {
			struct nl *host, *sandbox; /* sandbox is NULL when that is gone (DEL) */
			struct nl *nft;            /* cni_nft(); NULL until it is asked for */
		};
		struct nl *sockets[3];
	};
	int netns_fd;          /* of the sandbox; -1 when it is gone */
	int record_fd;         /* record.h: its lock, -1 = not held */
	const char *host_link; /* ADD: the attachment's link in the host's namespace, or NULL */
	struct host_lock lock;
	struct undo undo;
	struct deferred deferred;  /* what children of this call inherit */
	struct cni_call *outer;    /* the call that this one is a part of; NULL: none */
	struct identity *identity; /* the process's, once it has been asked for */
	struct arena *arena;       /* shared with delegated calls, like err */
	struct err *err;
};

/* A call for `req`, nothing done yet. */
#define CNI_CALL_INIT(...)                                                  \
	{                                                                   \
		.netns_fd = -1, .record_fd = -1, .lock.fd = -1, __VA_ARGS__ \
	}

/* A thing that a plugin keeps for an attachment. */
struct cni_holding {
	const char *plugin, *network, *container_id, *ifname; /* ifname "": not known */
	const char *what, *advice;                            /* advice: how it is removed */
	int64_t time; /* since when, seconds since the epoch; 0 = not known */
};

/* Where an inventory goes; texts need not outlive the call. */
struct cni_inventory {
	void *ctx;
	void (*holding)(void *ctx, const struct cni_holding *h);
	void (*fault)(void *ctx, const char *what, const char *advice);
};

/* Where lines for people go; without a newline, they need not outlive the call. */
struct cni_lines {
	void *ctx;
	void (*say)(void *ctx, const char *line);
};

struct cni_plugin {
	const char *name;
	/* the reference's whose features it has; NULL = not said */
	const char *compat_version;
	const struct json_field *fields; /* decoded into call.conf before any command */
	const void *defaults;            /* call.conf before decoding; NULL = zeroed */
	size_t conf_size;
	const char *const *args; /* keys of CNI_ARGS it reads, NULL-terminated; NULL = none */
	bool ipam;               /* an IPAM plugin: opens no namespace, sees no link */
	bool exclusive;          /* of these: it gives no address to two attachments */
	bool registers;          /* makes an attachment: it is in the registry (registry.h) */
	/* makes rules for one: it calls registry_add_first() before its first effect */
	bool registers_rules;
	/* keeps on the host what neither a record nor the registry tells of; DEL finds it */
	bool host_state;
	/* an IPAM plugin that speaks through the container's interface, and takes its time */
	bool asks_network;
	bool no_netns; /* needs no interface: has no sandbox, and host only by cni_host() */
	/*
	 * Before any side effect, on ADD, CHECK and STATUS: what a table cannot say. DEL and GC run
	 * without it: they must work with a configuration that would not pass any more.
	 */
	int (*validate)(struct cni_call *c);
	/* The commands; NULL = nothing to do. */
	int (*add)(struct cni_call *c);
	int (*del)(struct cni_call *c);
	int (*check)(struct cni_call *c);
	int (*gc)(struct cni_call *c);
	int (*status)(struct cni_call *c);
	/*
	 * Put back what is gone of this attachment, its rules, or its interface where that goes
	 * with its master: idempotent, changes no link and no address that is there. The call is as
	 * ADD had it, the configuration from its record, req->prev the result that ADD printed or
	 * got. With req->backend the rules become that one's, the new ones before the old ones go.
	 */
	int (*repair)(struct cni_call *c);
	/*
	 * For `cnic verify`: each thing that the plugin keeps in files of its own, or elsewhere on
	 * the host, for an attachment, and what is wrong with such a place by itself. c has neither
	 * configuration nor namespace. NULL = nothing.
	 */
	int (*inventory)(struct cni_call *c, const struct cni_inventory *to);
	/*
	 * For people: what this configuration (decoded, without .validate) makes of an attachment,
	 * as members of an object. NULL = nothing to say.
	 */
	void (*describe)(const void *conf, struct json *out);
	/* For people: what it keeps of an attachment, as members of an object. NULL = nothing. */
	void (*describe_kept)(const char *network, const char *container_id, const char *ifname,
			      struct json *out);
	/*
	 * The process that serves it: `cnic NAME`, or NAME daemon. argv[0] is a name. Returns the
	 * exit status, -1: the arguments make no sense. NULL = it needs none.
	 */
	int (*daemon)(int argc, char **argv);
	/*
	 * `cnic ipam VERB NETWORK [ARG]`, of an IPAM plugin that shares its addresses with other
	 * nodes. c has its configuration, validated as for STATUS; arg is NULL if there is none.
	 * Returns the exit status; -1: c->err. NULL = it has no such verbs.
	 */
	int (*ipam_tool)(struct cni_call *c, const char *verb, const char *arg,
			 const struct cni_lines *to);
	/*
	 * Does a chain of a table of ours hold rules that are not ours (repair)? NULL = none does.
	 */
	bool (*is_guest_chain)(const char *table, const char *chain);
};

extern const struct cni_plugin *const cni_plugins[]; /* NULL-terminated, see plugins/all.c */

/*
 * The plugin that a file of this name is: the name itself, or its ending behind a '-', the longest
 * that fits (cnv-bridge, buildkit-cni-host-local: vendors install the reference under such names).
 * NULL if none.
 */
const struct cni_plugin *cni_plugin_named(const char *name);

/*
 * The same of `name`, if `other` is `plugin`'s name with the same in front of it: a vendor that has
 * named one plugin of ours has named all. NULL if not.
 */
const struct cni_plugin *cni_plugin_named_alike(const char *name, const char *other,
						const char *plugin);

/*
 * Decode the plugin's keys, validate, open the namespaces, run the command (with req->record, the
 * plugin's repair), then `last` (NULL = nothing): printing is a part of ADD, whose failure undoes
 * it. Rolls back if anything failed, closes all that the call has opened.
 */
int cni_run(struct cni_call *c, int (*last)(struct cni_call *c)) NODISCARD;

#define CNI_PARTS_MAX 64 /* plugins of a chain */

/*
 * The same for a part of the call c, without `last`, in its namespace and with its sockets. What
 * has been done can be taken back until c ends, which leaves nothing of `part` open. No lock is
 * held in between.
 */
int cni_run_part(struct cni_call *c, struct cni_call *part) NODISCARD;
void cni_undo_part(struct cni_call *part);

/*
 * For a call that is not run, but made of parts, or a part itself: what has been opened by it.
 */
void cni_close(struct cni_call *c);

/*
 * The plugin's keys: c->conf as it is by default; those of an object on top. DEL and GC pass over
 * what is wrong there: they are lenient.
 */
void cni_reset_conf(struct cni_call *c);
int cni_decode(struct cni_call *c, const struct json *v, const char *path) NODISCARD;
bool cni_is_lenient(const struct cni_call *c);

/*
 * The rtnetlink sockets of a call that is not run, or whose plugin has no_netns, opened when first
 * asked for. Fill c->host; c->sandbox, if there is a namespace.
 */
int cni_host(struct cni_call *c) NODISCARD;
int cni_sandbox(struct cni_call *c) NODISCARD;

/*
 * The netfilter socket in the host's namespace, opened when first asked for: before a DEL deletes
 * its link, or its closing is waited for (sys/deferred.h). Fills c->nft.
 */
int cni_nft(struct cni_call *c) NODISCARD;

/*
 * The value of a CNI_ARGS key, NULL if absent or empty, and for STATUS, which is about no
 * attachment. Only keys of .args can be asked for.
 */
const char *cni_arg(const struct cni_call *c, const char *key);

/*
 * A DEL or GC tries all of its steps:
 *	struct cni_steps steps = { 0 };
 *
 *	cni_step(c, &steps, veth_del(c));
 *	cni_step(c, &steps, cni_ipam_forward(c));
 *	return cni_steps_end(c, &steps);
 * The first error is the call's, a later one goes to stderr.
 */
struct cni_steps {
	bool failed;
	struct err first;
};
void cni_step(struct cni_call *c, struct cni_steps *s, int rc);
int cni_steps_end(struct cni_call *c, const struct cni_steps *s) NODISCARD;

/*
 * Run a program of the host's (argv[0] is its path) that changes what this call is about. The
 * call's locks are held until the program has ended, even if the call is killed.
 */
int cni_execute(struct cni_call *c, const char *const *argv, const char *in,
		struct spawn_result *res) NODISCARD;

/* Append to the result; mac is copied, sandbox NULL for the host side. Returns its index. */
uint32_t cni_add_interface(struct cni_call *c, const struct link *link, const char *sandbox);

/* The MTU of an interface of the result, where the version of the result can say it. */
void cni_set_mtu(const struct cni_call *c, struct cni_interface *f, uint32_t mtu);
