/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_dhcp_ask - what dhcp's daemon reads besides packets. A byte, then a question as it comes from
 * its socket: what is taken makes a lease; or, with the byte 1, a lease's file: what is read of it
 * is written and read again, and is the same. Leases go on from wherever their times say they are.
 */
#include "fuzz.h"

#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "plugins/ipam/dhcp/lease_file.h"

/* Files are in memory, and this process's alone. */
__attribute__((constructor)) static void make_dir(void)
{
	(void)mkdir("/var/lib/cni", 0755);
	if (unshare(CLONE_NEWNS) < 0 || mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", "/var/lib/cni", "tmpfs", 0, NULL) < 0 || mkdir(LEASE_DIR, 0700) < 0)
		abort();
}

static void expect_same_text(const char *a, const char *b)
{
	if (strcmp(a ? a : "", b ? b : "") != 0)
		abort();
}

static void expect_same_ask(const struct ask *a, const struct ask *b)
{
	expect_same_text(a->network, b->network);
	expect_same_text(a->container_id, b->container_id);
	expect_same_text(a->ifname, b->ifname);
	expect_same_text(a->netns, b->netns);
	expect_same_text(a->options, b->options);
	if (a->priority != b->priority || a->probe != b->probe || a->resend_max != b->resend_max ||
	    a->resend_timeout != b->resend_timeout || a->broadcast != b->broadcast)
		abort();
}

static void expect_same(const struct lease *a, const struct lease *b)
{
	const struct ask x = lease_ask(a), y = lease_ask(b);
	const struct dhcp_client *c = &a->client, *d = &b->client;

	expect_same_ask(&x, &y);
	if (c->address.s_addr != d->address.s_addr || c->server.s_addr != d->server.s_addr ||
	    memcmp(c->server_mac, d->server_mac, sizeof(c->server_mac)) != 0 || c->t1 != d->t1 ||
	    c->t2 != d->t2 || c->end != d->end || a->netns_inode != b->netns_inode)
		abort();
}

static void write_again(struct lease *l, const struct lease_file *f)
{
	struct dhcp_answer a = { .mtu = f->mtu, .ntp = f->ntp, .n_ntp = f->n_ntp };
	struct lease_file g;
	struct lease *m;
	struct err err = { 0 };

	if (!f->result || cni_result_parse(f->result, "1.1.0", false, "", &a.result, &err) < 0)
		return;
	if (lease_file_write(l, &a, NULL, &err) < 0 ||
	    lease_file_read(lease_file_path(l->network, l->container_id, l->ifname), &lease_times,
			    &m, &g, &err) < 0)
		abort();
	expect_same(l, m);
	if (g.other_boot || g.mtu != f->mtu || g.n_ntp != f->n_ntp)
		abort();
	lease_free(m);
	if (lease_file_remove(l, &err) < 0)
		abort();
}

static void go_on(struct lease *l)
{
	struct dhcp_client *c = &l->client;

	(void)dhcp_client_reboot(c, &l->times, lease_now());
	for (int i = 0; i < 20 && c->next != INT64_MAX; i++)
		(void)dhcp_client_wake(c, &l->times, c->next);
	(void)dhcp_client_release(c);
}

/* The name that a file with this content has. */
static const char *path_of(const char *text, size_t size)
{
	struct err ignored = { 0 };
	struct ask a = { 0 };
	const struct json *v;

	if (json_parse(text, size, &v, &ignored) < 0 ||
	    json_decode(json_get(v, "attachment"), ask_fields, "", &a, &ignored) < 0 ||
	    !ask_names_attachment(&a))
		return LEASE_DIR "/x";
	return lease_file_path(a.network, a.container_id, a.ifname);
}

static void read_file(struct arena *arena, const uint8_t *data, size_t size)
{
	const char *path = path_of(fuzz_text(arena, data, size), size);
	FILE *f = fopen(path, "w");
	struct lease_file file;
	struct lease *l;
	struct err err = { 0 };
	int rc;

	if (!f || fwrite(data, 1, size, f) != size || fclose(f) != 0)
		abort();
	rc = lease_file_read(path, &lease_times, &l, &file, &err);
	fuzz_expect(rc, &err);
	if (rc)
		return;
	if (!file.other_boot)
		write_again(l, &file);
	(void)remove(path);
	go_on(l);
	lease_free(l);
}

static void read_question(struct arena *arena, const uint8_t *data, size_t size)
{
	struct err err = { 0 };
	struct ask a, b;
	const char *text;
	struct lease *l;
	int rc = ask_parse(fuzz_text(arena, data, size), size, &a, &err);

	fuzz_expect(rc, &err);
	if (rc)
		return;
	text = json_print(ask_json(&a));
	if (ask_parse(text, strlen(text), &b, &err) < 0)
		abort();
	expect_same_ask(&a, &b);
	if (!ask_names_attachment(&a))
		return;
	l = lease_new(&a, &lease_times, &err);
	fuzz_expect(l ? 0 : -1, &err);
	if (!l)
		return;
	b = lease_ask(l);
	expect_same_ask(&a, &b);
	lease_free(l);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = { 0 };

	if (!size)
		return 0;
	json_init(&arena);
	if (data[0] & 1)
		read_file(&arena, data + 1, size - 1);
	else
		read_question(&arena, data + 1, size - 1);
	arena_free(&arena);
	return 0;
}
