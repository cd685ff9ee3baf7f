/* SPDX-License-Identifier: Apache-2.0 */
/* pkg/skel/record, pkg/cmd/repair: in a namespace of our own, with a plugin of our own. */
#include "skel/record.h"

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/scope.h"
#include "cmd/repair.h"
#include "cni/conf.h"
#include "tap.h"

#define NETNS "/run/netns-of-c1"

static struct arena arena;
static struct err err;

/*
 * ---- a plugin ----------------------------------------------------------------------------------
 */

struct own {
	const char *rule;
};

static const struct json_field fields[] = { F_STR("rule", struct own, rule, .required = true),
					    F_END };

static struct {
	unsigned int calls;
	char seen[256];
} repaired;

static int plugin_validate(struct cni_call *c)
{
	return c->req->prev ? 0 : err_set(c->err, ERR_CONFIG, "prevResult: missing");
}

static int plugin_repair(struct cni_call *c)
{
	const struct own *own = c->conf;
	char ip[IP_STRLEN];

	repaired.calls++;
	if (!strcmp(own->rule, "refused"))
		return err_set(c->err, ERR_INTERNAL, "the kernel says no");
	snprintf(repaired.seen, sizeof(repaired.seen), "%s %s %s %s %s %s %d%d%d", c->req->net.name,
		 c->req->container_id, c->req->ifname, c->req->args, own->rule,
		 cidr_str(&c->req->prev->ips[0].address, ip), c->req->command == CNI_ADD, !!c->host,
		 !!c->sandbox && c->netns_fd >= 0);
	return 0;
}

static const struct cni_plugin plugin = {
	.name = "test-rules",
	.fields = fields,
	.conf_size = sizeof(struct own),
	.validate = plugin_validate,
	.repair = plugin_repair,
};

static const struct cni_plugin other = { .name = "test" };

static const struct cni_plugin *const plugins[] = { &other, &plugin, NULL };

/*
 * ---- calls -------------------------------------------------------------------------------------
 */

#define PREV                                                                              \
	"\"prevResult\":{\"interfaces\":[{\"name\":\"eth0\",\"sandbox\":\"" NETNS "\"}]," \
	"\"ips\":[{\"address\":\"10.1.0.2/24\",\"interface\":0}]}"

/* The request may be changed by the test. */
static struct cni_request *request_of(const struct cni_call *c)
{
	return (struct cni_request *)(uintptr_t)c->req;
}

static struct cni_call call(const char *id, const char *ifname, const char *conf)
{
	struct cni_request *req = arena_new(&arena, struct cni_request);
	struct cni_call c =
		CNI_CALL_INIT(.req = req, .plugin = &plugin, .arena = &arena, .err = &err);
	struct cni_result *prev = arena_new(&arena, struct cni_result);
	const struct json *v;

	*req = (struct cni_request){
		.container_id = id, .ifname = ifname, .netns = NETNS, .args = "K=V", .path = ""
	};
	err_clear(&err);
	if (json_parse(conf, strlen(conf), &v, &err) < 0 ||
	    cni_conf_decode(&req->net, v, false, &err) < 0)
		return c;
	if (req->net.prev_result && !cni_result_parse(req->net.prev_result, req->net.version, true,
						      "prevResult", prev, &err))
		req->prev = prev;
	return c;
}

#define CONF                                                                                                     \
	"{\"cniVersion\":\"1.0.0\",\"name\":\"n1\",\"type\":\"x\",\"rule\":\"r\",\"big\":[1,{\"a\":null}]," PREV \
	"}"

static struct cni_call attachment(const char *id)
{
	return call(id, "eth0", CONF);
}

/* As at the end of a call. */
static void let_go(struct cni_call *c)
{
	drop_fd(&c->record_fd);
}

static void add(struct cni_call *c)
{
	ok(!record_write(c, NULL), "%s is written: %s", c->req->container_id, err.msg);
	let_go(c);
}

static struct record *look(struct cni_call *c)
{
	struct record *r = NULL;

	ok(!record_read(c, &r), "%s is looked for: %s", c->req->container_id, err.msg);
	let_go(c);
	return r;
}

/* The file of the only record, or of the n-th. */
static const char *file(size_t n)
{
	const char **names;
	size_t count;

	if (record_names(&names, &count, &arena, &err) < 0 || n >= count)
		return "(none)";
	return arena_printf(&arena, RECORD_DIR "/%s", names[n]);
}

static size_t count_records(void)
{
	const char **names;
	size_t n;

	return record_names(&names, &n, &arena, &err) < 0 ? 999 : n;
}

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	if (!f || fputs(text, f) < 0 || fclose(f) != 0)
		ok(false, "write %s", path);
}

static const char *get(const char *path)
{
	static char text[8192];
	FILE *f = fopen(path, "r");
	size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

	text[n] = '\0';
	if (f)
		fclose(f);
	return text;
}

static unsigned int mode(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 ? 0 : st.st_mode & 07777;
}

/*
 * ---- stderr ------------------------------------------------------------------------------------
 */

static int real_stderr = -1;

static void listen_to_stderr(void)
{
	int fd = open("/run/stderr", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	real_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
	dup2(fd, STDERR_FILENO);
	close(fd);
}

static const char *heard(void)
{
	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	return get("/run/stderr");
}

static size_t lines(const char *text)
{
	size_t n = 0;

	while ((text = strchr(text, '\n'))) {
		text++;
		n++;
	}
	return n;
}

/*
 * ---- write, read, remove -----------------------------------------------------------------------
 */

static const char written[] =
	"{\"plugin\":\"test-rules\",\"network\":\"n1\",\"containerID\":\"c1\",\"ifname\":\"eth0\","
	"\"netns\":\"" NETNS
	"\",\"boot\":\"%s\",\"hostInode\":%ju,\"pidInode\":%ju,\"args\":\"K=V\","
	"\"config\":{\"cniVersion\":\"1.0.0\",\"name\":\"n1\",\"type\":\"x\",\"rule\":\"r\","
	"\"big\":[1,{\"a\":null}]},\"prevResult\":{\"cniVersion\":\"1.1.0\","
	"\"interfaces\":[{\"name\":\"eth0\",\"sandbox\":\"" NETNS "\"}],"
	"\"ips\":[{\"interface\":0,\"address\":\"10.1.0.2/24\"}]}}";

/* Of which boot and namespaces it is; the container's is none here. */
static const char *written_here(void)
{
	static char boot[64];
	FILE *f = fopen("/proc/sys/kernel/random/boot_id", "r");
	struct stat net, pid;

	if (!f || !fgets(boot, sizeof(boot), f) || stat("/proc/self/ns/net", &net) < 0 ||
	    stat("/proc/self/ns/pid", &pid) < 0)
		return "(unknown)";
	fclose(f);
	boot[strcspn(boot, "\n")] = '\0';
	return arena_printf(&arena, written, boot, (uintmax_t)net.st_ino, (uintmax_t)pid.st_ino);
}

static void check_round(void)
{
	struct cni_call c = attachment("c1");
	struct record *r;

	ok(!look(&c), "there is none yet");
	ok(count_records() == 0, "nor a directory");
	add(&c);
	ok(mode(NETNS_LOCK_DIR) == 0700 && mode(RECORD_DIR) == 0700 && mode(file(0)) == 0600,
	   "only root may look");
	is_str(get(file(0)), written_here(), "content");
	r = look(&c);
	ok(r && !strcmp(r->network, "n1") && !strcmp(r->netns, NETNS) && !strcmp(r->args, "K=V"),
	   "names are read");
	ok(r && r->prev.n_ips == 1 && r->prev.n_interfaces == 1 &&
		   !strcmp(r->prev.interfaces[0].sandbox, NETNS),
	   "so is the result");
	add(&c);
	ok(count_records() == 1, "again: it is one still");
	ok(!record_remove(&c) && !record_remove(&c) && count_records() == 0,
	   "removed, and removed again");
}

/* What the plugin itself makes, in a version that could not say it. */
static void check_first_in_chain(void)
{
	struct cni_call c =
		call("c1", "eth0", "{\"cniVersion\":\"0.2.0\",\"name\":\"n1\",\"rule\":\"r\"}");
	struct cni_ipconfig ips[2];
	struct cni_interface interface = { .name = "eth0", .sandbox = NETNS };
	struct record *r;

	memset(ips, 0, sizeof(ips));
	cidr_parse(&ips[0].address, "10.1.0.2/24");
	cidr_parse(&ips[1].address, "10.1.0.3/24");
	c.result = (struct cni_result){
		.interfaces = &interface, .n_interfaces = 1, .ips = ips, .n_ips = 2
	};
	add(&c);
	r = look(&c);
	ok(r && r->prev.n_ips == 2 && r->prev.n_interfaces == 1, "all of a 0.2.0 result is there");
	ok(!record_remove(&c), "removed");
}

static void check_names(void)
{
	char *id = memset(arena_alloc(&arena, 5001), 'c', 5000);
	struct cni_call c = attachment("c1"), longest = attachment(id),
			second = call("c1", "eth1", CONF),
			elsewhere =
				call("c1", "eth0",
				     "{\"cniVersion\":\"1.0.0\",\"name\":\"n2\",\"rule\":\"r\"}");
	struct record *r;

	add(&c);
	add(&longest);
	add(&second);
	add(&elsewhere);
	ok(count_records() == 4, "another id, interface or network is another record");
	r = look(&longest);
	ok(r && !strcmp(r->container_id, id), "a long name is no matter");
	c.plugin = &other;
	ok(!look(&c), "another plugin has its own");
	c.plugin = &plugin;
	ok(!record_remove(&c) && !record_remove(&longest) && !record_remove(&second) &&
		   !record_remove(&elsewhere) && count_records() == 0,
	   "each is removed by its own call");
}

static void check_undo(void)
{
	struct cni_call c = attachment("c1");

	ok(!record_write(&c, NULL), "written");
	undo_all(&c);
	let_go(&c);
	ok(count_records() == 0, "undone: none is left");
	request_of(&c)->args = "K=before";
	add(&c);
	c.undo.n = 0;
	request_of(&c)->args = "K=after";
	ok(!record_write(&c, NULL) && strstr(get(file(0)), "K=after"), "written over another");
	undo_all(&c);
	let_go(&c);
	ok(strstr(get(file(0)), "K=before"), "undone: that is back");
	ok(!record_remove(&c), "removed");
}

/*
 * ---- what nobody of us wrote -------------------------------------------------------------------
 */

static const char *const garbage[] = {
	"",
	"{",
	"[]",
	"\"x\"",
	"{}",
	"{\"plugin\":5}",
	"\xff\xfe",
	"{\"plugin\":\"test-rules\",\"network\":\"n1\",\"containerID\":\"c1\",\"ifname\":\"eth0\","
	"\"netns\":\"\",\"args\":\"\",\"config\":[],\"prevResult\":{}}",
	"{\"plugin\":\"test-rules\",\"network\":\"n1\",\"containerID\":\"c1\",\"ifname\":\"eth0\","
	"\"netns\":\"\",\"args\":\"\",\"config\":{},\"prevResult\":{\"ips\":[{\"address\":\"x\"}]}}",
	"{\"plugin\":\"test-rules\",\"network\":\"n1\",\"containerID\":\"c2\",\"ifname\":\"eth0\","
	"\"netns\":\"\",\"args\":\"\",\"config\":{},\"prevResult\":{}}",
	"{\"plugin\":\"test-rules\",\"network\":\"n1\",\"containerID\":\"../c1\",\"ifname\":\"eth0\","
	"\"netns\":\"\",\"args\":\"\",\"config\":{},\"prevResult\":{}}",
};

static void check_garbage(void)
{
	struct cni_call c = attachment("c1");
	const char *path;

	add(&c);
	path = file(0);
	for (size_t i = 0; i < ARRAY_SIZE(garbage); i++) {
		put(path, garbage[i]);
		listen_to_stderr();
		ok(!look(&c), "garbage %zu is no record", i);
		ok(lines(heard()) == 1, "a line says so");
	}
	ok(!record_remove(&c) && mkfifo(path, 0600) == 0, "a FIFO");
	listen_to_stderr();
	ok(!look(&c), "is none");
	ok(lines(heard()) == 1, "a line says so");
	ok(!unlink(path) && mkdir(path, 0700) == 0, "a directory");
	listen_to_stderr();
	ok(!look(&c), "is none");
	ok(lines(heard()) == 1, "a line says so");
	rmdir(path);
	put(RECORD_DIR "/.x", "");
	put(RECORD_DIR "/c1-eth0", "");
	put(arena_printf(&arena, "%s.1.tmp", path), "");
	ok(count_records() == 0, "other names are not looked at");
	unlink(RECORD_DIR "/.x");
	unlink(RECORD_DIR "/c1-eth0");
	unlink(arena_printf(&arena, "%s.1.tmp", path));
}

/* Nested as deep as a text may be: it has one level more in the record. */
static void check_unreadable(void)
{
	char *conf = arena_alloc(&arena, 1000);
	struct cni_call c;

	snprintf(conf, 1000, "{\"name\":\"n1\",\"x\":");
	memset(conf + strlen(conf), '[', JSON_MAX_DEPTH - 1);
	memset(conf + strlen(conf), ']', JSON_MAX_DEPTH - 1);
	conf[strlen(conf)] = '}';
	c = call("c1", "eth0", conf);
	ok(!err.msg[0], "such a configuration can be read: %s", err.msg);
	ok(record_write(&c, NULL) < 0 && strstr(err.msg, "nest"), "but not recorded: %s", err.msg);
	undo_all(&c);
	ok(count_records() == 0, "and nothing is left");
}

/*
 * ---- GC ----------------------------------------------------------------------------------------
 */

static unsigned int stale_calls;
static char stale_ids[64];

static int note_stale(struct cni_call *c, const struct record *r)
{
	stale_calls++;
	snprintf(stale_ids + strlen(stale_ids), sizeof(stale_ids) - strlen(stale_ids), "%s/%s ",
		 r->container_id, r->ifname);
	return strcmp(r->container_id, "c9") ? 0 : err_set(c->err, ERR_INTERNAL, "not that one");
}

static void check_gc(void)
{
	struct cni_call calls[] = {
		attachment("c1"),         attachment("c2"),
		call("c1", "eth1", CONF), call("c2", "eth0", "{\"name\":\"n2\",\"rule\":\"r\"}"),
		attachment("c9"),
	};
	struct cni_call gc = call("", "", "{\"cniVersion\":\"1.1.0\",\"name\":\"n1\"}");

	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		add(&calls[i]);
	ok(!record_each_stale(&gc, note_stale) && !record_gc(&gc) && !stale_calls &&
		   count_records() == 5,
	   "no list of attachments: nothing is stale");
	gc = call("", "",
		  "{\"cniVersion\":\"1.1.0\",\"name\":\"n1\",\"cni.dev/valid-attachments\":["
		  "{\"containerID\":\"c1\",\"ifname\":\"eth0\"}]}");
	ok(record_each_stale(&gc, note_stale) < 0 && !strcmp(err.msg, "not that one"),
	   "a failure is told");
	ok(stale_calls == 3 && strstr(stale_ids, "c2/eth0") && strstr(stale_ids, "c1/eth1"),
	   "and all are seen that are stale: %s", stale_ids);
	gc.plugin = &other;
	ok(!record_gc(&gc) && count_records() == 5, "another plugin collects its own");
	gc.plugin = &plugin;
	ok(!record_gc(&gc) && count_records() == 2, "ours are collected");
	ok(look(&calls[0]) && look(&calls[3]), "the valid one and another network's are left");
	ok(!record_remove(&calls[0]) && !record_remove(&calls[3]), "removed");
}

/*
 * ---- one at a time -----------------------------------------------------------------------------
 */

/* /proc/locks has a line with "->" for each who waits. */
static bool someone_waits(void)
{
	int64_t end = clock_ms() + 10000;

	while (clock_ms() < end)
		if (strstr(get("/proc/locks"), "-> "))
			return true;
	return false;
}

/* The child's view: is there a record, and with these args? */
static int try_to_load(const char *name, const char *args)
{
	struct record *r;
	int fd = -1;

	if (record_load(name, &fd, &arena, &r, &err) < 0)
		return 2;
	return args ? !r || strcmp(r->args, args) != 0 : !!r;
}

static pid_t wait_for_record(const struct cni_call *holder, const char *args)
{
	const char *name = arena_strdup(&arena, strrchr(file(0), '/') + 1);
	pid_t pid = fork();

	if (!pid) {
		close(holder->record_fd); /* what is inherited holds as well */
		_exit(try_to_load(name, args));
	}
	ok(someone_waits(), "another call waits for it");
	return pid;
}

static bool went_well(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && !WEXITSTATUS(status);
}

static void check_hold(void)
{
	struct cni_call c = attachment("c1");
	struct record *r;
	pid_t pid;

	ok(!record_write(&c, NULL), "an ADD holds its record");
	pid = wait_for_record(&c, NULL);
	undo_all(&c);
	let_go(&c);
	ok(went_well(pid), "the ADD failed: there is none for who has waited");
	add(&c);
	ok(!record_read(&c, &r) && r, "a DEL holds it");
	pid = wait_for_record(&c, NULL);
	ok(!record_remove(&c), "and removes it");
	let_go(&c);
	ok(went_well(pid), "the same");
	add(&c);
	ok(!record_read(&c, &r) && r, "who holds it");
	pid = wait_for_record(&c, "K=new");
	request_of(&c)->args = "K=new";
	ok(!record_write(&c, NULL), "writes it anew");
	let_go(&c);
	ok(went_well(pid), "who has waited sees the new one");
	ok(!record_remove(&c), "removed");
}

/*
 * ---- repair ------------------------------------------------------------------------------------
 */

static void make_netns(const char *path)
{
	pid_t pid;

	put(path, "");
	pid = fork();
	if (!pid)
		_exit(unshare(CLONE_NEWNET) < 0 ||
		      mount("/proc/self/ns/net", path, NULL, MS_BIND, NULL) < 0);
	ok(went_well(pid), "a namespace");
}

/* Filled and run; what it says on stderr. */
static const char *run(struct repair *what)
{
	struct err e = { 0 };
	int rc;

	repaired.calls = 0;
	listen_to_stderr();
	what->plugins = plugins;
	rc = repair_all(what, &e);
	if (rc < 0)
		fprintf(stderr, "failed: %s\n", e.msg);
	json_init(&arena);
	return heard();
}

static void add_all(void)
{
	struct cni_call calls[] = {
		attachment("c1"),
		call("c2", "eth0", "{\"name\":\"n1\",\"rule\":\"refused\"," PREV "}"),
		call("c3", "eth0", "{\"name\":\"n2\",\"cniVersion\":\"0.4.0\"," PREV "}"),
		attachment("c4"),
		attachment("c5"),
		attachment("c6"),
	};

	request_of(&calls[3])->netns = "/run/no-such-namespace";
	request_of(&calls[4])->netns = "/proc/self/ns/net";
	calls[5].plugin = &other;
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++)
		add(&calls[i]);
}

static void check_repair(void)
{
	struct repair all = { 0 }, n1 = { .network = "n1" }, c1 = { .container_id = "c1" },
		      none = { .plugin_name = "nothing" };
	const char *said;

	make_netns(NETNS);
	add_all();
	said = run(&c1);
	ok(c1.repaired == 1 && !c1.failed && !c1.gone && repaired.calls == 1 && !*said,
	   "one container");
	is_str(repaired.seen, "n1 c1 eth0 K=V r 10.1.0.2/24 111", "the call is as ADD had it");
	said = run(&all);
	ok(all.repaired == 1 && all.failed == 3 && all.gone == 2 && repaired.calls == 2,
	   "all: %zu %zu %zu", all.repaired, all.failed, all.gone);
	ok(lines(said) == 3, "a line for each failure");
	ok(strstr(said, "cnic: test-rules of network n1, container c2, interface eth0: "
			"the kernel says no\n"),
	   "which names it");
	ok(strstr(said, "container c3, interface eth0: rule: missing"), "invalid by now");
	ok(strstr(said, "cnic: test of network n1, container c6"), "a plugin without repair");
	run(&n1);
	ok(n1.repaired == 1 && n1.failed == 2 && n1.gone == 2, "of a network");
	run(&none);
	ok(!none.repaired && !none.failed && !none.gone, "of a plugin");
	put(file(0), "{");
	all = (struct repair){ 0 };
	said = run(&all);
	ok(lines(said) == all.failed && strstr(said, "cnic: " RECORD_DIR "/"),
	   "a broken record is a failure that is told of by its file");
}

/* A /run and a network of our own. */
static bool enter(void)
{
	return unshare(CLONE_NEWNS | CLONE_NEWNET) == 0 &&
	       mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("tmpfs", "/run", "tmpfs", 0, "mode=755") == 0;
}

int main(void)
{
	json_init(&arena);
	if (!ok(enter(), "root, in namespaces of our own"))
		return done_testing();
	check_round();
	check_first_in_chain();
	check_names();
	check_undo();
	check_garbage();
	check_unreadable();
	check_gc();
	check_hold();
	check_repair();
	arena_free(&arena);
	return done_testing();
}
