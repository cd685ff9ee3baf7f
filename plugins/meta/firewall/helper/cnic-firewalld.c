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
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>

#define SERVICE   "org.fedoraproject.FirewallD1"
#define OBJECT    "/org/fedoraproject/FirewallD1"
#define INTERFACE SERVICE ".zone"
#define TIMEOUT   (20 * 1000000ull) /* microseconds, for each call */

enum { DONE = 0, FAILED = 1, NO = 3 };

static int fail(const char *what, int rc, const sd_bus_error *error)
{
	const char *why = error && error->message ? error->message : strerror(-rc);

	printf("%s: %s\n", what, why);
	return FAILED;
}

static int ask_running(sd_bus *bus)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;
	int has = 0;
	int rc = sd_bus_call_method(bus, "org.freedesktop.DBus", "/org/freedesktop/DBus",
				    "org.freedesktop.DBus", "NameHasOwner", &error, &reply, "s",
				    SERVICE);

	if (rc >= 0)
		rc = sd_bus_message_read(reply, "b", &has);
	rc = rc < 0 ? fail("system bus", rc, &error) : has ? DONE : NO;
	sd_bus_error_free(&error);
	sd_bus_message_unref(reply);
	return rc;
}

/* firewalld's errors are texts that begin with their name. */
static bool is_harmless(const sd_bus_error *error, const char *const *names)
{
	for (; error->message && *names; names++)
		if (!strncmp(error->message, *names, strlen(*names)))
			return true;
	return false;
}

/* DONE; NO if it was so already; or FAILED. */
static int change(sd_bus *bus, const char *member, const char *zone, const char *address)
{
	static const char *const harmless_add[] = { "ZONE_ALREADY_SET", NULL };
	static const char *const harmless_remove[] = { "UNKNOWN_SOURCE", "ZONE_CONFLICT",
						       "INVALID_ZONE", NULL };
	const char *const *harmless =
		strcmp(member, "addSource") != 0 ? harmless_remove : harmless_add;
	sd_bus_error error = SD_BUS_ERROR_NULL;
	int rc = sd_bus_call_method(bus, SERVICE, OBJECT, INTERFACE, member, &error, NULL, "ss",
				    zone, address);

	if (rc >= 0)
		rc = DONE;
	else if (is_harmless(&error, harmless))
		rc = NO;
	else
		rc = fail(address, rc, &error);
	sd_bus_error_free(&error);
	return rc;
}

static int add(sd_bus *bus, const char *zone, char **addresses)
{
	size_t n = 0;
	char **added;

	while (addresses[n])
		n++;
	added = calloc(n + 1, sizeof(*added));
	if (!added)
		return FAILED;
	n = 0;
	for (; *addresses; addresses++) {
		int rc = change(bus, "addSource", zone, *addresses);

		if (rc == DONE)
			added[n++] = *addresses;
		if (rc != FAILED)
			continue;
		while (n)
			(void)change(bus, "removeSource", zone, added[--n]);
		free(added);
		return FAILED;
	}
	for (size_t i = 0; i < n; i++)
		puts(added[i]);
	free(added);
	return DONE;
}

/* All are tried. If it does not run, it has nothing: what we add does not outlive it. */
static int drop(sd_bus *bus, const char *zone, char **addresses)
{
	int running = ask_running(bus), rc = DONE;

	if (running != DONE)
		return running == NO ? DONE : running;
	for (; *addresses; addresses++)
		if (change(bus, "removeSource", zone, *addresses) == FAILED)
			rc = FAILED;
	return rc;
}

static int query_one(sd_bus *bus, const char *zone, const char *address)
{
	sd_bus_error error = SD_BUS_ERROR_NULL;
	sd_bus_message *reply = NULL;
	int has = 0;
	int rc = sd_bus_call_method(bus, SERVICE, OBJECT, INTERFACE, "querySource", &error, &reply,
				    "ss", zone, address);

	if (rc >= 0)
		rc = sd_bus_message_read(reply, "b", &has);
	rc = rc < 0 ? fail(address, rc, &error) : has ? DONE : NO;
	if (rc == NO)
		puts(address);
	sd_bus_error_free(&error);
	sd_bus_message_unref(reply);
	return rc;
}

static int query(sd_bus *bus, const char *zone, char **addresses)
{
	int rc = ask_running(bus);

	for (; rc == DONE && *addresses; addresses++)
		rc = query_one(bus, zone, *addresses);
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
