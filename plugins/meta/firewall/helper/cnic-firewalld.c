/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cnic-firewalld - sources of firewalld's zones, over D-Bus. An executable of its own: the plugin
 * firewall runs it where firewalld is used, and no other executable pays for the library.
 *
 *	cnic-firewalld running
 *	cnic-firewalld add|remove|query ZONE ADDRESS/LENGTH...
 *
 * Exit status 0: it is so, or has been done; add prints the addresses that were not there before.
 * 3: it is not so; query prints the first that is missing. 1: failed, and the reason is printed;
 * add has changed nothing then.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-bus.h>

#define SERVICE "org.fedoraproject.FirewallD1"
#define BUS     "org.freedesktop.DBus"
#define TIMEOUT (20 * 1000000ull) /* microseconds, for each call */

enum { DONE = 0, FAILED = 1, NO = 3 };

static int fail(const char *what, int rc, const sd_bus_error *error)
{
	const char *why = error && error->message ? error->message : strerror(-rc);

	printf("%s: %s\n", what, why);
	return FAILED;
}

static const struct object {
	const char *service, *path, *interface;
} zones = { SERVICE, "/org/fedoraproject/FirewallD1", SERVICE ".zone" },
  dbus = { BUS, "/org/freedesktop/DBus", BUS };

static const struct method {
	const struct object *object;
	const char *name, *types;
	bool answers;            /* by yes or no */
	const char *no_error[4]; /* with these it was so already */
} has_owner = { &dbus, "NameHasOwner", "s", true, { NULL } },
  query_source = { &zones, "querySource", "ss", true, { NULL } },
  add_source = { &zones, "addSource", "ss", false, { "ZONE_ALREADY_SET" } },
  remove_source = {
	  &zones, "removeSource", "ss", false, { "UNKNOWN_SOURCE", "ZONE_CONFLICT", "INVALID_ZONE" }
  };

/* firewalld's errors are texts that begin with their name. */
static bool is_harmless(const sd_bus_error *error, const char *const *names)
{
	for (; error->message && *names; names++)
		if (!strncmp(error->message, *names, strlen(*names)))
			return true;
	return false;
}

/* DONE; NO if the answer is no, or it was so already; or FAILED. `second` is for "ss" alone. */
static int call(sd_bus *bus, const struct method *m, const char *first, const char *second)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;
	const struct object *o = m->object;
	int yes = 1, rc = sd_bus_call_method(bus, o->service, o->path, o->interface, m->name,
					     &error, &reply, m->types, first, second);

	if (rc >= 0 && m->answers)
		rc = sd_bus_message_read(reply, "b", &yes);
	if (rc >= 0)
		rc = yes ? DONE : NO;
	else if (is_harmless(&error, m->no_error))
		rc = NO;
	else
		rc = fail(second ? second : "system bus", rc, &error);
	sd_bus_error_free(&error);
	sd_bus_message_unref(reply);
	return rc;
}

static int ask_running(sd_bus *bus)
{
	return call(bus, &has_owner, SERVICE, NULL);
}

/* Those that were not there before are gathered at the front of the list. */
static int add(sd_bus *bus, const char *zone, char **addresses)
{
	size_t n = 0;

	for (size_t i = 0; addresses[i]; i++) {
		int rc = call(bus, &add_source, zone, addresses[i]);

		if (rc == DONE)
			addresses[n++] = addresses[i];
		if (rc != FAILED)
			continue;
		while (n)
			(void)call(bus, &remove_source, zone, addresses[--n]);
		return FAILED;
	}
	for (size_t i = 0; i < n; i++)
		puts(addresses[i]);
	return DONE;
}

/* All are tried. If it does not run, it has nothing: what we add does not outlive it. */
static int drop(sd_bus *bus, const char *zone, char **addresses)
{
	int running = ask_running(bus), rc = DONE;

	if (running != DONE)
		return running == NO ? DONE : running;
	for (; *addresses; addresses++)
		if (call(bus, &remove_source, zone, *addresses) == FAILED)
			rc = FAILED;
	return rc;
}

static int query(sd_bus *bus, const char *zone, char **addresses)
{
	int rc = ask_running(bus);

	for (; rc == DONE && *addresses; addresses++) {
		rc = call(bus, &query_source, zone, *addresses);
		if (rc == NO)
			puts(*addresses);
	}
	return rc;
}

static int run(sd_bus *bus, int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "running"))
		return ask_running(bus);
	if (argc > 2 && !strcmp(argv[1], "add"))
		return add(bus, argv[2], argv + 3);
	if (argc > 2 && !strcmp(argv[1], "remove"))
		return drop(bus, argv[2], argv + 3);
	if (argc > 2 && !strcmp(argv[1], "query"))
		return query(bus, argv[2], argv + 3);
	puts("usage: cnic-firewalld running | add|remove|query ZONE ADDRESS/LENGTH...");
	return FAILED;
}

/* By which `cnic --uninstall` knows its own (pkg/cmd/install.c). */
__attribute__((used)) static const char mark[] =
	"This is an executable of cnic, the CNI plugins in C.";

int main(int argc, char **argv)
{
	sd_bus *bus = NULL;
	int rc = sd_bus_open_system(&bus);

	if (rc < 0) {
		rc = fail("system bus", rc, NULL);
	} else {
		(void)sd_bus_set_method_call_timeout(bus, TIMEOUT);
		rc = run(bus, argc, argv);
	}
	sd_bus_flush_close_unref(bus);
	return fflush(stdout) ? FAILED : rc;
}
