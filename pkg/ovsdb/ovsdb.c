/* SPDX-License-Identifier: Apache-2.0 */
#include "ovsdb/ovsdb.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/scope.h"
#include "ovsdb/value.h"

int ovsdb_open(struct ovsdb *db, const char *endpoint, int timeout_ms, struct arena *arena,
	       struct err *err)
{
	*db = (struct ovsdb){ 0 };
	return ovsdb_stream_open(&db->stream, endpoint, timeout_ms, arena, err);
}

void ovsdb_close(struct ovsdb *db)
{
	drop_fd(&db->stream.fd);
	db->stream.broken = true;
	db->under_way = NULL;
}

void ovsdb_allow(struct ovsdb *db, int timeout_ms)
{
	db->stream.deadline = clock_ms() + timeout_ms;
}

uint32_t ovsdb_time_left(const struct ovsdb *db)
{
	int64_t left = db->stream.deadline - clock_ms();

	return left > 0 ? (uint32_t)left : 0;
}

/* ---- building -------------------------------------------------------------------------------- */

struct ovsdb_txn *ovsdb_begin(struct ovsdb *db, const char *label, ...)
{
	struct ovsdb_txn *t = arena_new(db->stream.arena, struct ovsdb_txn);
	va_list ap;

	va_start(ap, label);
	t->label = arena_vprintf(db->stream.arena, label, ap);
	va_end(ap);
	t->params = json_list_new();
	json_add_str(t->params, NULL, "Open_vSwitch");
	return t;
}

void ovsdb_op(struct ovsdb_txn *t, const char *op, const char *table)
{
	if (t->n == OVSDB_MAX_OPS)
		abort(); /* the caller's to split */
	t->n++;
	t->op = json_add_object(t->params, NULL);
	t->mutations = NULL;
	json_add_str(t->op, "op", op);
	json_add_str(t->op, "table", table);
	t->where = strcmp(op, "insert") != 0 ? json_add_list(t->op, "where") : NULL;
}

static struct json *triple(struct json *list, const char *column, const char *function)
{
	struct json *t = json_add_list(list, NULL);

	json_add_str(t, NULL, column);
	json_add_str(t, NULL, function);
	return t;
}

struct json *ovsdb_where(struct ovsdb_txn *t, const char *column, const char *function)
{
	return triple(t->where, column, function);
}

void ovsdb_where_str(struct ovsdb_txn *t, const char *column, const char *value)
{
	json_add_str(ovsdb_where(t, column, "=="), NULL, value);
}

void ovsdb_where_uuid(struct ovsdb_txn *t, const char *column, const char *function,
		      const char *uuid)
{
	ovsdb_add_uuid(ovsdb_where(t, column, function), NULL, uuid);
}

struct json *ovsdb_mutation(struct ovsdb_txn *t, const char *column, const char *mutator)
{
	if (!t->mutations)
		t->mutations = json_add_list(t->op, "mutations");
	return triple(t->mutations, column, mutator);
}

static void add_columns(struct ovsdb_txn *t, const char *columns)
{
	struct json *list = json_add_list(t->op, "columns");

	while (*columns) {
		size_t n = strcspn(columns, " ");

		json_add_str(list, NULL, arena_strndup(json_arena(), columns, n));
		columns += n + (columns[n] == ' ');
	}
}

void ovsdb_select(struct ovsdb_txn *t, const char *table, const char *columns)
{
	ovsdb_op(t, "select", table);
	add_columns(t, columns);
}

struct json *ovsdb_insert(struct ovsdb_txn *t, const char *table, const char *uuid)
{
	ovsdb_op(t, "insert", table);
	json_add_str(t->op, "uuid", uuid);
	return json_add_object(t->op, "row");
}

struct json *ovsdb_wait_rows(struct ovsdb_txn *t, const char *table, const char *column,
			     const char *until, uint32_t timeout_ms)
{
	ovsdb_op(t, "wait", table);
	add_columns(t, column);
	json_add_str(t->op, "until", until);
	json_add_int(t->op, "timeout", timeout_ms);
	return json_add_list(t->op, "rows");
}

struct json *ovsdb_wait(struct ovsdb_txn *t, const char *table, const char *column,
			const char *until, uint32_t timeout_ms)
{
	return json_add_object(ovsdb_wait_rows(t, table, column, until, timeout_ms), NULL);
}

/* ---- messages -------------------------------------------------------------------------------- */

static int put_message(struct ovsdb *db, const struct json *message)
{
	const char *text = json_print(message);

	return ovsdb_stream_put(&db->stream, text, strlen(text));
}

int ovsdb_send(struct ovsdb *db, struct ovsdb_txn *t)
{
	struct json *request = json_object();

	t->id = ++db->last_id;
	t->next = db->under_way;
	db->under_way = t;
	json_add_str(request, "method", "transact");
	json_add(request, "params", t->params);
	json_add_int(request, "id", t->id);
	return put_message(db, request) < 0 ? err_wrap(db->stream.err, "%s", t->label) : 0;
}

/* RFC 7047, 4.1.11: the server's way to find out whether we are alive. */
static int answer_echo(struct ovsdb *db, const struct json *params, const struct json *id)
{
	struct json *reply = json_object();

	json_add_copy(reply, "id", id);
	if (params)
		json_add_copy(reply, "result", params);
	else
		json_add_list(reply, "result");
	json_add_null(reply, "error");
	return put_message(db, reply);
}

/* An answer to a request that is not waited for any more is dropped. */
static void deliver(struct ovsdb *db, const struct json *message)
{
	int64_t id;

	if (!json_int(json_get(message, "id"), &id))
		return;
	for (struct ovsdb_txn **t = &db->under_way; *t; t = &(*t)->next) {
		if ((*t)->id != id)
			continue;
		(*t)->answer = message;
		*t = (*t)->next;
		return;
	}
}

static int read_message(struct ovsdb *db)
{
	struct ovsdb_stream *s = &db->stream;
	const struct json *message, *id;
	const char *text, *method;
	size_t len;

	if (ovsdb_stream_get(s, &text, &len) < 0)
		return -1;
	if (json_parse_max(text, len, OVSDB_MAX_BYTES + 1, &message, s->err) < 0) {
		s->broken = true;
		return err_wrap(s->err, "%s: ovsdb-server sends", s->where);
	}
	method = json_string(json_get(message, "method"));
	id = json_get(message, "id");
	if (!method)
		deliver(db, message);
	else if (id && !strcmp(method, "echo"))
		return answer_echo(db, json_get(message, "params"), id);
	return 0;
}

/* ---- answers --------------------------------------------------------------------------------- */

static int set_malformed(struct ovsdb *db, struct ovsdb_txn *t, const char *how)
{
	return err_set(db->stream.err, ERR_INTERNAL, "%s: %s: ovsdb-server's answer %s", t->label,
		       db->stream.where, how);
}

/* {"error": "constraint violation", "details": "..."} in the place of an operation's result. */
static int set_refused(struct ovsdb *db, struct ovsdb_txn *t, size_t i, const struct json *e)
{
	struct err *err = db->stream.err;
	const char *details = json_string(json_get(e, "details"));

	t->failed = i;
	t->error = json_string(json_get(e, "error"));
	if (!t->error)
		return set_malformed(db, t, "has an error that is no string");
	err_fill(err, ERR_INTERNAL, 0, "%s: %s: %s", t->label, db->stream.where, t->error);
	snprintf(err->details, sizeof(err->details), "%s", details ? details : "");
	return -1;
}

static bool is_row(const struct json *row, const struct json *columns)
{
	const struct json *uuid = json_get(row, "_uuid");

	json_for_each(column, columns)
		if (!json_get(row, json_string(column)))
			return false;
	return json_is_object(row) && (!uuid || ovsdb_uuid(uuid));
}

static bool are_rows(const struct json *rows, const struct json *columns)
{
	json_for_each(row, rows)
		if (!is_row(row, columns))
			return false;
	return json_is_list(rows);
}

/* RFC 7047, 5.2. To find nothing in an answer is not the server's answer that there is nothing. */
static bool is_result(const struct json *r, const struct json *op)
{
	const char *name = json_string(json_get(op, "op"));
	int64_t n;

	if (!strcmp(name, "select"))
		return are_rows(json_get(r, "rows"), json_get(op, "columns"));
	if (!strcmp(name, "mutate"))
		return json_int(json_get(r, "count"), &n) && n >= 0;
	return true;
}

/*
 * RFC 7047, 4.1.3: one element for each operation, those behind a failed one null; one element more
 * if all went well but the commit. An error is looked for first: it is the server's own word.
 */
static int check_results(struct ovsdb *db, struct ovsdb_txn *t, const struct json *results)
{
	const struct json *op = json_first(t->params); /* the database's name */
	size_t i = 0;

	json_for_each(r, results) {
		if (json_get(r, "error"))
			return set_refused(db, t, i < t->n ? i : t->n, r);
		i++;
	}
	if (i != t->n)
		return set_malformed(db, t,
				     i < t->n ? "has too few elements" : "has too many elements");
	i = 0;
	json_for_each(r, results) {
		op = json_next(op);
		if (!json_is_object(r))
			return set_malformed(db, t, "lacks an operation's result");
		if (!is_result(r, op))
			return set_malformed(db, t,
					     arena_printf(db->stream.arena, "lacks what a %s gives",
							  json_string(json_get(op, "op"))));
		t->result[i++] = r;
	}
	return 0;
}

static int check_answer(struct ovsdb *db, struct ovsdb_txn *t)
{
	const struct json *error = json_get(t->answer, "error"),
			  *results = json_get(t->answer, "result");

	if (error)
		return err_set(db->stream.err, ERR_INTERNAL, "%s: %s: %.400s", t->label,
			       db->stream.where,
			       json_string(error) ? json_string(error) : json_print(error));
	if (!json_is_list(results))
		return set_malformed(db, t, "has no result");
	return check_results(db, t, results);
}

int ovsdb_finish(struct ovsdb *db, struct ovsdb_txn *t)
{
	while (!t->answer)
		if (read_message(db) < 0)
			return err_wrap(db->stream.err, "%s", t->label);
	return check_answer(db, t);
}

int ovsdb_run(struct ovsdb *db, struct ovsdb_txn *t)
{
	return ovsdb_send(db, t) < 0 ? -1 : ovsdb_finish(db, t);
}

bool ovsdb_timed_out(const struct ovsdb_txn *t)
{
	return t->error && !strcmp(t->error, "timed out");
}

int ovsdb_try(struct ovsdb *db, struct ovsdb_txn *t)
{
	if (ovsdb_run(db, t) == 0)
		return 0;
	if (!ovsdb_timed_out(t))
		return -1;
	err_clear(db->stream.err);
	return 1;
}

int ovsdb_query(struct ovsdb *db, struct ovsdb_txn *t, const struct json **rows)
{
	if (ovsdb_run(db, t) < 0)
		return -1;
	*rows = ovsdb_rows(t, 0);
	return 0;
}

const struct json *ovsdb_rows(const struct ovsdb_txn *t, size_t op)
{
	return json_first(json_get(t->result[op], "rows"));
}

int64_t ovsdb_count(const struct ovsdb_txn *t, size_t op)
{
	int64_t n;

	return json_int(json_get(t->result[op], "count"), &n) ? n : 0;
}
