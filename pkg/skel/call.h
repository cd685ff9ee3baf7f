/* SPDX-License-Identifier: Apache-2.0 */
/*
 * call.h - one CNI call as a plugin sees it: what the runtime asked, the two namespaces as sockets,
 * the result being made, the undo stack. A plugin is a descriptor; main.c owns the process.
 */
#ifndef CNIC_SKEL_CALL_H
#define CNIC_SKEL_CALL_H

#include "base/arena.h"
#include "base/err.h"
#include "cni/result.h"
#include "nl/link.h"

struct cni_call;
struct spawn_result;

enum cni_command { CNI_ADD, CNI_DEL, CNI_CHECK, CNI_GC, CNI_STATUS, CNI_VERSION, CNI_COMMANDS };

/* The runtime's word that this attachment of the network is alive (GC). */
struct cni_attachment {
	const char *container_id, *ifname;
};

/* The keys every configuration has. */
struct cni_conf {
	const char *version, *name, *type;
	struct {
		const char *type;
	} ipam;
	struct cni_dns dns;
	const struct json *prev_result;
	struct cni_attachment *attachments; /* sorted, see gc.h */
	size_t n_attachments;
	bool has_attachments; /* the key was there, be it [] */
	const struct json *raw;
};

struct cni_undo {
	void (*fn)(struct cni_call *c, const void *arg);
	const void *arg;
};

struct cni_call {
	enum cni_command command;
	const char *container_id, *netns, *ifname, *args, *path; /* never NULL, "" = not given */
	const char *stdin_text;
	size_t stdin_len;
	const struct cni_plugin *plugin;
	struct cni_conf conf;
	void *own;                         /* the plugin's own keys, decoded by .fields */
	struct cni_result result;          /* ADD: what will be printed */
	const struct cni_result *prev;     /* CHECK, chained ADD: prevResult; NULL if none */
	struct nl *host, *sandbox;         /* sandbox is NULL when the namespace is gone (DEL) */
	struct nl *nft;                    /* cni_nft(); NULL until somebody has asked */
	int netns_fd;                      /* opened by main(); -1 when it is gone */
	int (*finish)(struct cni_call *c); /* last step, may be NULL; an ADD's is printing */
	bool exclusive_ips;      /* the IPAM plugin gives no address to two, and has seen no link */
	bool never_used;          /* it knows that nobody has had these addresses in this boot */
	bool lock_dropped;      /* another call may have had its turn since ours began */
	int lock_fd;             /* the turn at the host's namespace, -1 = not held */
	int *record_fd;          /* record.h: our hold on it, NULL = none */
	const char *record_extra; /* record.h: what else it is to hold, NULL = nothing */
	const char *backend;     /* repair: turn to this one's rules, NULL = as they are meant */
	void *bridge_change;     /* brport.h: what to take back */
	struct netfilter_del *del;     /* netfilter.h: what a DEL goes by */
	struct cni_undo undo[32];
	size_t n_undo;
	struct arena *arena; /* shared with delegated calls, like err */
	struct err *err;
};

struct cni_plugin {
	const char *name;
	const char
		*like; /* the reference's version whose features it has, for those who ask; NULL */
	const struct json_field *fields; /* decoded into .own before any command */
	const void *defaults;            /* .own before decoding; NULL = zeroed */
	size_t conf_size;
	const char *const *args; /* keys of CNI_ARGS it reads, NULL-terminated; NULL = none */
	bool ipam;               /* an IPAM plugin: opens no namespace, sees no link */
	bool exclusive;          /* of these: it gives no address to two attachments */
	bool bare; /* needs no interface: has no sandbox, and host only by cni_host() */
	/*
	 * Before any side effect, on ADD, CHECK and STATUS: what a table cannot say. DEL and GC run
	 * without it: they must work with a configuration that would not pass any more.
	 */
	int (*validate)(struct cni_call *c);
	int (*add)(struct cni_call *c);
	int (*del)(struct cni_call *c);
	int (*check)(struct cni_call *c);
	int (*gc)(struct cni_call *c);
	int (*status)(struct cni_call *c);
	/*
	 * Put back whatever rules of this attachment are gone: idempotent, touches no link and no
	 * address. The call is as ADD had it, the configuration from its record (record.h), prev the
	 * result that ADD printed or got.
	 */
	int (*repair)(struct cni_call *c);
};

extern const struct cni_plugin *const cni_plugins[]; /* NULL-terminated, see plugins/all.c */

/*
 * The plugin that a file of this name is: the name itself, or its ending behind a '-', the longest that fits
 * (cnv-bridge, buildkit-cni-host-local: vendors install the reference under such names). NULL if none.
 */
const struct cni_plugin *cni_plugin_named(const char *name);

extern const char *const cni_command_names[]; /* by enum cni_command */

/* Decode, validate, open the namespaces, run the command, roll back if it failed. */
int cni_run(struct cni_call *c) NODISCARD;

/* The same with the plugin's repair for an ADD; c->prev is set by the caller. */
int cni_repair(struct cni_call *c) NODISCARD;

/* The rtnetlink socket of a bare plugin, opened when first asked for. Fills c->host. */
int cni_host(struct cni_call *c) NODISCARD;

/*
 * The netfilter socket in the host's namespace, opened when first asked for: before a DEL deletes its link,
 * or its closing is waited for (sys/deferred.h). Fills c->nft.
 */
int cni_nft(struct cni_call *c) NODISCARD;

/* The value of a CNI_ARGS key, NULL if absent or empty. Only keys of .args can be asked for. */
const char *cni_arg(const struct cni_call *c, const char *key);

/*
 * Push the inverse right after the effect, keyed by what is already known. A failing command runs
 * the stack newest first; what an undo has to say goes to stderr and never hides the first error.
 */
void undo_push(struct cni_call *c, void (*fn)(struct cni_call *, const void *),
		   const void *arg);
void undo_all(struct cni_call *c);

/*
 * Take turns at the host's namespace: between the two no other call makes or takes away what is
 * shared, and the calls of a crowd go through in the order they came instead of each waiting for all
 * at every request (RTNL is one lock for all namespaces, and not a fair one). It ends by
 * itself when a delegate is executed: a turn must not contain a wait for somebody else. A failing
 * call keeps it until its undo is done.
 */
int host_lock(struct cni_call *c) NODISCARD;
void host_unlock(struct cni_call *c);

/*
 * Steps that must all be tried (DEL, GC): the first error is the call's, a later one goes to stderr.
 */
typedef int (*cni_step)(struct cni_call *c);
int cni_try_all(struct cni_call *c, const cni_step *steps, size_t n) NODISCARD;

/*
 * Run a program of the host's (argv[0] is its path) that changes what this call is about. What the call
 * holds is held until the program has ended, be the call killed: who comes after it waits for that.
 */
int cni_execute(struct cni_call *c, const char *const *argv, const char *in,
		struct spawn_result *res) NODISCARD;

/* Append to the result; mac is copied, sandbox NULL for the host side. Returns its index. */
uint32_t cni_add_interface(struct cni_call *c, const struct link *link, const char *sandbox);

#endif
