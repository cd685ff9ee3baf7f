// SPDX-License-Identifier: Apache-2.0
/* The sides: their hosts, stores and configurations, and the jobs they are given. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

enum {
	PORTS_PER_CALL = 10, /* of those mapped beforehand */
	FIRST_PORT = 10000,  /* of those */
};

/* ---- namespaces ------------------------------------------------------------------------- */

void ns_path(char *to, size_t size, const struct side *side, unsigned i)
{
	text(to, size, NS_DIR "/%s-%u", side->name, i % side->n_netns);
}

/* A host has its lo up. */
static void make_host(struct side *side)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd;

	netns_make(side->host_path);
	side->host = netns_open(side->host_path);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo) < 0)
		die("%s: %s", side->host_path, strerror(errno));
	close(fd);
}

void make_all_netns(const struct job *job, struct side *sides, unsigned n_sides, unsigned count)
{
	int home = netns_open("/proc/self/ns/net");
	char path[256];

	make_dir(NS_DIR);
	for (unsigned s = 0; s < n_sides; s++) {
		sides[s].n_netns = count;
		for (unsigned i = 0; i < count; i++) {
			ns_path(path, sizeof(path), &sides[s], i);
			netns_make(path);
		}
		if (job->own_host)
			make_host(&sides[s]);
	}
	netns_enter(home);
	close(home);
	for (unsigned s = 0; s < n_sides; s++)
		job->hold(&sides[s]);
}

/* ---- sides and their stores ------------------------------------------------------------- */

void ip_text(char to[INET_ADDRSTRLEN], uint32_t ip)
{
	struct in_addr a = { .s_addr = htonl(ip) };

	inet_ntop(AF_INET, &a, to, INET_ADDRSTRLEN);
}

static void write_file(const char *path, const char *content)
{
	FILE *f = fopen(path, "we");

	if (!f || fputs(content, f) < 0 || fclose(f) != 0)
		die("%s: %s", path, strerror(errno));
}

/* Reserved as by earlier calls: one file for each address, and the last one remembered. */
static void hold_addresses(const struct side *side)
{
	char path[1024], ip[INET_ADDRSTRLEN] = "", content[64];

	for (unsigned i = 0; i < side->held; i++) {
		ip_text(ip, side->subnet + 2 + i);
		text(path, sizeof(path), "%s/bench/%s", side->store, ip);
		text(content, sizeof(content), "held-%u\r\neth0", i);
		write_file(path, content);
	}
	if (!side->held)
		return;
	text(path, sizeof(path), "%s/bench/last_reserved_ip.0", side->store);
	write_file(path, ip);
}

/* The gateway is the first address, the bridge's. */
static void interface_conf(char *to, size_t size, const struct side *side, const char *type,
			   const char *more)
{
	char subnet[INET_ADDRSTRLEN];

	ip_text(subnet, side->subnet);
	text(to, size,
	     "\"type\":\"%s\",\"bridge\":\"b-%s\",\"isGateway\":true%s,\"ipam\":{\"type\":"
	     "\"host-local\",\"dataDir\":\"%s\",\"ranges\":[[{\"subnet\":\"%s/14\"}]]%s}",
	     type, side->name, more, side->store, subnet,
	     strcmp(type, "ovs") ? ",\"routes\":[{\"dst\":\"0.0.0.0/0\"}]" : "");
}

static void configure(struct side *side, const char *type, const char *more)
{
	char conf[1024];

	interface_conf(conf, sizeof(conf), side, type, more);
	text(side->conf, sizeof(side->conf), "{\"cniVersion\":\"1.0.0\",\"name\":\"bench\",%s}",
	     conf);
}

static void configure_bridge(struct side *side)
{
	configure(side, "bridge", "");
}

static void configure_host_local(struct side *side)
{
	configure(side, "host-local", "");
}

static void configure_ovs(struct side *side)
{
	configure(side, "ovs", "");
}

/* ,"KEY":"BACKEND" where one is given */
static const char *backend_key(char *to, size_t size, const struct side *side, const char *key)
{
	to[0] = '\0';
	if (side->backend)
		text(to, size, ",\"%s\":\"%s\"", key, side->backend);
	return to;
}

static void configure_masq(struct side *side)
{
	char key[64], more[128];

	backend_key(key, sizeof(key), side, "ipMasqBackend");
	text(more, sizeof(more), ",\"ipMasq\":true%s", key);
	configure(side, "bridge", more);
}

static void port_list(char *to, size_t size, unsigned first, unsigned n)
{
	const char *comma = "";
	size_t len;

	text(to, size, "{\"portMappings\":[");
	for (unsigned i = 0; i < n; i++) {
		len = strlen(to);
		text(to + len, size - len,
		     "%s{\"hostPort\":%u,\"containerPort\":80,\"protocol\":\"tcp\"}", comma,
		     first + i);
		comma = ",";
	}
	len = strlen(to);
	text(to + len, size - len, "]}");
}

/* The container is as another plugin of the chain would have left it; nothing needs to be in it. */
static void set_ports(struct side *side, unsigned first, unsigned n)
{
	char key[64], ip[INET_ADDRSTRLEN];

	ip_text(ip, side->subnet + 2);
	port_list(side->ports, sizeof(side->ports), first, n);
	text(side->conf, sizeof(side->conf),
	     "{\"cniVersion\":\"1.0.0\",\"name\":\"bench\",\"type\":\"portmap\"%s,"
	     "\"runtimeConfig\":%s,\"prevResult\":{\"cniVersion\":\"1.0.0\",\"interfaces\":"
	     "[{\"name\":\"eth0\",\"sandbox\":\"" NS_DIR "/%s-0\"}],\"ips\":"
	     "[{\"address\":\"%s/14\",\"interface\":0}]}}",
	     backend_key(key, sizeof(key), side, "backend"), side->ports, side->name, ip);
}

static void configure_portmap(struct side *side)
{
	set_ports(side, OWN_PORT, 1);
}

/* In a directory of its own, where cnitool looks for it by name. */
static void write_list(struct side *side, const char *plugins)
{
	char list[4096];

	text(list, sizeof(list),
	     "{\"cniVersion\":\"1.0.0\",\"name\":\"bench\",\"plugins\":[%s%s%s]}",
	     side->folded
		     ? "{\"type\":\"chain\",\"capabilities\":{\"portMappings\":true},\"plugins\":["
		     : "",
	     plugins, side->folded ? "]}" : "");
	text(side->conf_dir, sizeof(side->conf_dir), "%s/net.d", side->store);
	make_dir(side->conf_dir);
	text(side->conf, sizeof(side->conf), "%s/bench.conflist", side->conf_dir);
	write_file(side->conf, list);
}

/* Its portmap is told which backend as its bridge is. */
static void configure_list(struct side *side, const char *rest)
{
	char masq[64], portmap[64], more[128], bridge[1024], list[2048];

	backend_key(masq, sizeof(masq), side, "ipMasqBackend");
	backend_key(portmap, sizeof(portmap), side, "backend");
	text(more, sizeof(more), ",\"ipMasq\":true%s,\"hairpinMode\":true", masq);
	interface_conf(bridge, sizeof(bridge), side, "bridge", more);
	text(list, sizeof(list),
	     "{%s},{\"type\":\"portmap\",\"capabilities\":{\"portMappings\":true}%s},"
	     "{\"type\":\"firewall\"}%s",
	     bridge, portmap, rest);
	write_list(side, list);
	side->has_ports = true;
}

/* As podman's list is, without tuning. */
static void configure_chain(struct side *side)
{
	configure_list(side, "");
}

/* The same with tuning, and with the rates of a pod. */
static void configure_five(struct side *side)
{
	configure_list(side, ",{\"type\":\"tuning\",\"sysctl\":{\"net.core.somaxconn\":\"500\"}},"
			     "{\"type\":\"bandwidth\",\"ingressRate\":100000000,\"ingressBurst\":"
			     "2000000,\"egressRate\":50000000,\"egressBurst\":1000000}");
}

/* What the driver costs by itself. */
static void configure_lo(struct side *side)
{
	write_list(side, "{\"type\":\"loopback\"}");
}

static const char *environment_text(const char *name)
{
	const char *value = getenv(name);

	if (!value)
		die("%s is not set", name);
	return value;
}

/* @NAME@ in the text that CONF has becomes the side's. */
static void configure_plugin(struct side *side)
{
	char netns[128] = "", *to = side->conf, *end = to + sizeof(side->conf);
	const struct {
		const char *name, *value;
	} words[] = { { "@SIDE@", side->name }, { "@STORE@", side->store }, { "@NETNS@", netns } };
	const char *from = environment_text("CONF");
	size_t i;

	text(netns, sizeof(netns), NS_DIR "/%s-0", side->name);
	while (*from && end - to > 1) {
		for (i = 0; i < sizeof(words) / sizeof(*words); i++)
			if (!strncmp(from, words[i].name, strlen(words[i].name)))
				break;
		if (i == sizeof(words) / sizeof(*words)) {
			*to++ = *from++;
			continue;
		}
		text(to, (size_t)(end - to), "%s", words[i].value);
		to += strlen(to);
		from += strlen(words[i].name);
	}
	*to = '\0';
}

static void make_store(struct side *side)
{
	char path[1024];

	text(side->store, sizeof(side->store), "%s/%s", environment_text("STORE"), side->name);
	make_dir(side->store);
	text(path, sizeof(path), "%s/bench", side->store);
	make_dir(path);
}

static char *cut(char *at, char separator)
{
	char *end = strchr(at, separator);

	if (end)
		*end++ = '\0';
	return end;
}

/* Behind the @ may stand how a list is called, too. */
static void take_way(struct side *side)
{
	const char *way = side->backend ? side->backend : "";

	side->folded = !strcmp(way, "folded") || !strcmp(way, "folded-cnitool");
	side->by_cnitool = !strcmp(way, "cnitool") || !strcmp(way, "folded-cnitool");
	if (side->folded || side->by_cnitool)
		side->backend = NULL;
}

static void parse_side(const struct job *job, struct side *side, unsigned index, char *arg)
{
	char *held;

	side->name = arg;
	side->bin = cut(arg, '=');
	if (!side->bin)
		die("a side is not NAME=DIR[:HELD][@BACKEND]: %s", arg);
	side->backend = cut(arg + strlen(arg) + 1, '@');
	take_way(side);
	held = cut(arg + strlen(arg) + 1, ':');
	if (held)
		side->held = (unsigned)strtoul(held, NULL, 10);
	side->by_hand = !strcmp(side->bin, "by-hand") && !strcmp(job->name, "ovs");
	side->subnet = (10u << 24) + ((64 + 4 * index) << 16);
	text(side->host_path, sizeof(side->host_path), NS_DIR "/%s-host", side->name);
	make_store(side);
	job->configure(side);
}

unsigned parse_sides(const struct job *job, struct side *sides, char **args, int n)
{
	if (n < 1 || n > MAX_SIDES)
		die("1 to %d sides", MAX_SIDES);
	for (int i = 0; i < n; i++)
		parse_side(job, &sides[i], (unsigned)i, args[i]);
	return (unsigned)n;
}

/* ---- what there is ----------------------------------------------------------------------- */

/* As many calls of other containers, in its host, as their ports take. */
static void hold_ports(const struct side *side)
{
	static const struct job job = { .name = "portmap", .plugin = "portmap" };
	struct side other = *side;

	for (unsigned i = 0; i * PORTS_PER_CALL < side->held; i++) {
		set_ports(&other, FIRST_PORT + i * PORTS_PER_CALL, PORTS_PER_CALL);
		if (!run(&other, &job, ADD, i + 1).ok)
			die("no %u ports", side->held);
	}
}

/* In the side's host; the text has NETNS, the container's namespace for ip(8), and SIDE. */
static void shell(const struct side *side, const char *what)
{
	char *argv[] = { (char *)"/bin/sh", (char *)"-euc", (char *)environment_text(what), NULL };
	struct environment e = { 0 };
	int status;
	pid_t pid;

	environment_add(&e, "PATH=/usr/sbin:/usr/bin:/sbin:/bin");
	environment_add(&e, "SIDE=%s", side->name);
	environment_add(&e, "NETNS=%s-0", side->name);
	netns_enter(side->host);
	pid = spawn(argv, e.list, STDIN_FILENO, STDERR_FILENO, STDERR_FILENO);
	if (waitpid(pid, &status, 0) < 0 || status != 0)
		die("%s of %s failed", what, side->name);
}

static void set_up(const struct side *side)
{
	shell(side, "SETUP");
}

static void prepare(const struct side *side)
{
	shell(side, "PREPARE");
}

static const struct job jobs[] = {
	{ "bridge", "bridge", false, configure_bridge, hold_addresses, NULL, NULL },
	{ "host-local", "host-local", false, configure_host_local, hold_addresses, NULL, NULL },
	{ "ovs", "ovs", false, configure_ovs, hold_addresses, settle_switch, NULL },
	{ "masq", "bridge", true, configure_masq, hold_addresses, NULL, NULL },
	{ "portmap", "portmap", true, configure_portmap, hold_ports, NULL, NULL },
	{ "chain", NULL, true, configure_chain, hold_addresses, NULL, NULL },
	{ "five", NULL, true, configure_five, hold_addresses, NULL, NULL },
	{ "lo", NULL, true, configure_lo, hold_addresses, NULL, NULL },
};

static const struct job *plugin_job(const char *name)
{
	static struct job job;

	job = (struct job){ name, name, true, configure_plugin, set_up, NULL, NULL };
	if (*environment_text("PREPARE"))
		job.prepare = prepare;
	return &job;
}

const struct job *find_job(const char *name)
{
	if (!strncmp(name, "plugin:", 7))
		return plugin_job(name + 7);
	for (size_t i = 0; i < sizeof(jobs) / sizeof(*jobs); i++)
		if (!strcmp(jobs[i].name, name))
			return &jobs[i];
	die("there is no job %s", name);
}
