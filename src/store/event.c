/* event.c - see event.h. */
#include "store/event.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

#define DETAIL_TEXT 513

bool
event_note(struct sql *db, int64_t order_id, const char *node, const char *what, struct problem *pr, const char *detail_fmt, ...)
{
	static const char SQL[] =
		"insert into event (order_id, at_ms, node, what, detail) values ($1, $2, $3, $4, $5)";
	struct sql_stmt *st = sql_begin(db, SQL);
	char detail[DETAIL_TEXT];
	va_list ap;

	va_start(ap, detail_fmt);
	vsnprintf(detail, sizeof(detail), detail_fmt, ap);
	va_end(ap);
	sql_bind_int(st, 1, order_id);
	sql_bind_int(st, 2, clock_unix_ms());
	sql_bind_str(st, 3, node);
	sql_bind_str(st, 4, what);
	sql_bind_str(st, 5, detail);
	sql_step(st);
	return sql_end(st, pr);
}

bool
event_each(struct sql *db, int64_t order_id, event_each_fn fn, void *arg, struct problem *pr)
{
	static const char SQL[] =
		"select id, at_ms, node, what, detail from event where order_id=$1 order by id limit 5000";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, order_id);
	while (sql_step(st)) {
		AUTO_FREE char *node = span_dup(sql_text(st, 2));
		AUTO_FREE char *what = span_dup(sql_text(st, 3));
		AUTO_FREE char *detail = span_dup(sql_text(st, 4));
		struct event_row e = { sql_int(st, 0), sql_int(st, 1), node, what, detail };

		fn(&e, arg);
	}
	return sql_end(st, pr);
}
