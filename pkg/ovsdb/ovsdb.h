/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ovsdb.h - a client of the OVSDB management protocol (RFC 7047): transactions on the database
 * Open_vSwitch. Several may be under way; answers are matched by id, in whatever order they come,
 * and the server's echo requests are answered in between.
 *
 *	t = ovsdb_begin(&db, "look up bridge br0");
 *	ovsdb_op(t, "select", "Bridge");
 *	json_add_str(ovsdb_where(t, "name", "=="), NULL, "br0");
 *	if (ovsdb_run(&db, t) < 0)
 *		return -1;
 *	rows = ovsdb_rows(t, 0);
 *
 * To wait for the switch is an operation too ("wait"): nothing is polled for. Must not know any
 * table.
 */
#pragma once

#include "ovsdb/stream.h"
#include "json/json.h"

#define OVSDB_MAX_OPS 64

struct ovsdb_txn {
	const char *label; /* for error texts */
	struct json *params;
	struct json *op, *where, *mutations; /* of the operation begun last */
	size_t n;                            /* operations */
	uint32_t id;
	const struct json *answer; /* NULL until it has come */
	const struct json *result[OVSDB_MAX_OPS];
	/*
	 * On failure, where the server said so: which operation (n: the commit) and its word for
	 * it.
	 */
	const char *error;
	size_t failed;
	struct ovsdb_txn *next; /* of those under way */
};

struct ovsdb {
	struct ovsdb_stream stream;
	struct ovsdb_txn *under_way;
	uint32_t last_id;
};

/* See stream.h for the endpoint; all that follows must be done in timeout_ms. */
int ovsdb_open(struct ovsdb *db, const char *endpoint, int timeout_ms, struct arena *arena,
	       struct err *err) NODISCARD;
void ovsdb_close(struct ovsdb *db);
#define auto_ovsdb __attribute__((cleanup(ovsdb_close)))

/* From now on, so much time for all that follows. How much is left. */
void ovsdb_allow(struct ovsdb *db, int timeout_ms);
uint32_t ovsdb_time_left(const struct ovsdb *db);

/* ---- building ------------------------------------------------------------------------------ */

/* In the arena, where a late answer may still find it. */
struct ovsdb_txn *ovsdb_begin(struct ovsdb *db, const char *label, ...) PRINTF(2, 3);
/* Begin an operation; the functions below, and json_add_...(t->op), add to it. */
void ovsdb_op(struct ovsdb_txn *t, const char *op, const char *table);
/* A condition, less its value: append that to what is returned. */
struct json *ovsdb_where(struct ovsdb_txn *t, const char *column, const char *function);
void ovsdb_where_str(struct ovsdb_txn *t, const char *column, const char *value); /* == */
void ovsdb_where_uuid(struct ovsdb_txn *t, const char *column, const char *function,
		      const char *uuid);
struct json *ovsdb_mutation(struct ovsdb_txn *t, const char *column, const char *mutator);
/* select: columns are "_uuid name ...". */
void ovsdb_select(struct ovsdb_txn *t, const char *table, const char *columns);
/* insert: the new row's values go to what is returned. */
struct json *ovsdb_insert(struct ovsdb_txn *t, const char *table, const char *uuid);
/*
 * wait: until the column of the rows (see ovsdb_where()) is (until "==") or is not ("!=") a value,
 * which is to be added to what is returned under the column's name. 0 ms does not wait, it asserts.
 * The other: until the column is that of the rows, which are to be added to the list returned.
 */
struct json *ovsdb_wait(struct ovsdb_txn *t, const char *table, const char *column,
			const char *until, uint32_t timeout_ms);

struct json *ovsdb_wait_rows(struct ovsdb_txn *t, const char *table, const char *column,
			     const char *until, uint32_t timeout_ms);

/* ---- running ------------------------------------------------------------------------------- */

int ovsdb_send(struct ovsdb *db, struct ovsdb_txn *t) NODISCARD;

/*
 * Wait for the answer. -1 unless every operation succeeded, and the commit: none of them has had an
 * effect then if the server said why (t->error), else it is not known.
 */
int ovsdb_finish(struct ovsdb *db, struct ovsdb_txn *t) NODISCARD;
int ovsdb_run(struct ovsdb *db, struct ovsdb_txn *t) NODISCARD; /* both */
/* The same; 1 where a wait did not come true in its time, which is no error then. */
int ovsdb_try(struct ovsdb *db, struct ovsdb_txn *t) NODISCARD;
/* The same, for a select: its rows. */
int ovsdb_query(struct ovsdb *db, struct ovsdb_txn *t, const struct json **rows) NODISCARD;

/* A wait did not come true in its time, and with it the transaction has failed. */
bool ovsdb_timed_out(const struct ovsdb_txn *t);

/* The rows that a select has found: the first, json_next() the others, NULL if none. */
const struct json *ovsdb_rows(const struct ovsdb_txn *t, size_t op);
/* How many rows an update, mutate or delete has met; 0 is no failure to the server. */
int64_t ovsdb_count(const struct ovsdb_txn *t, size_t op);
