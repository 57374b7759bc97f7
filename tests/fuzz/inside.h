/* inside.h - a request handed to its handler without a connection, and answered before the call returns; a store that is the same again
 * for the next one. Once in a program, which is linked with --wrap for http_reply, pool_try and jobs_run. */
#ifndef TESTS_FUZZ_INSIDE_H
#define TESTS_FUZZ_INSIDE_H

#include <stdio.h>
#include <stdlib.h>

#include "httpd/httpd.h"
#include "jobs/jobs.h"
#include "json/json.h"
#include "sql/sql.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
	bool inside; /* false while the scene is set: all is as in the daemon */
	int replies, status;
	const char *secrets[4]; /* that no reply may have; to be set before each request */
} inside;

_Noreturn static inline void
inside_die(const char *what)
{
	fprintf(stderr, "%s\n", what);
	abort();
}

/* ---- what is not as in the daemon ---- */

void __real_http_reply(struct http_req *rq, struct http_reply *rp);
void __wrap_http_reply(struct http_req *rq, struct http_reply *rp);
bool __real_pool_try(struct pool *pool, void (*fn)(void *arg), void *arg);
bool __wrap_pool_try(struct pool *pool, void (*fn)(void *arg), void *arg);
void __real_jobs_run(struct jobs *jobs, int64_t id, enum job_kind kind, int64_t subject);
void __wrap_jobs_run(struct jobs *jobs, int64_t id, enum job_kind kind, int64_t subject);

static inline bool
inside_has(const struct buf *text, const char *secret)
{
	return secret && text->n && memmem(text->p, text->n, secret, strlen(secret));
}

/* Whatever was asked: a sound reply, and none of our faults. */
static inline void
inside_check(const struct http_reply *rp)
{
	struct json *doc = NULL;
	struct problem pr = { 0 };
	bool is_json = rp->content_type && strstr(rp->content_type, "json");

	if (rp->status < 200 || rp->status > 599 || rp->body.failed || rp->head.failed)
		inside_die("no sound reply");
	if (rp->status >= 400 && (!rp->content_type || strcmp(rp->content_type, "application/problem+json") != 0))
		inside_die("a refusal that is no problem document");
	if (is_json && !json_parse(buf_span(&rp->body), "reply", &(struct json_limits){ 64, 1 << 20 }, &doc, &pr)) {
		fprintf(stderr, "%.*s\n", SPAN_FMT(buf_span(&rp->body)));
		inside_die(pr.detail);
	}
	for (size_t i = 0; i < COUNT_OF(inside.secrets); i++) {
		if (inside_has(&rp->head, inside.secrets[i]) || inside_has(&rp->body, inside.secrets[i])) {
			fprintf(stderr, "%.*s%.*s\n", SPAN_FMT(buf_span(&rp->head)), SPAN_FMT(buf_span(&rp->body)));
			inside_die("it tells what it must not");
		}
	}
	if (rp->status == 500) {
		fprintf(stderr, "%.*s\n", SPAN_FMT(buf_span(&rp->body)));
		inside_die("a fault of ours: see the log above");
	}
	json_free(doc);
}

void
__wrap_http_reply(struct http_req *rq, struct http_reply *rp)
{
	if (!inside.inside) {
		__real_http_reply(rq, rp);
		return;
	}
	inside_check(rp);
	inside.replies++;
	inside.status = rp->status;
	buf_done(&rp->head);
	buf_done(&rp->body);
}

bool
__wrap_pool_try(struct pool *pool, void (*fn)(void *arg), void *arg)
{
	if (!inside.inside)
		return __real_pool_try(pool, fn, arg);
	fn(arg);
	return true;
}

void
__wrap_jobs_run(struct jobs *jobs, int64_t id, enum job_kind kind, int64_t subject)
{
	if (!inside.inside)
		__real_jobs_run(jobs, id, kind, subject);
}

/* ---- a request ---- */

/* May these octets be a request target? Others never come through the parser of the head. */
static inline bool
inside_may_be_target(struct span target)
{
	for (size_t i = 0; i < target.n; i++) {
		if (target.p[i] <= ' ' || target.p[i] == 0x7f || target.p[i] == '#')
			return false;
	}
	return target.n > 0 && target.n <= 4096 && target.p[0] == '/';
}

/* Hand it over; the status of the reply. */
static inline int
inside_ask(http_handler handler, void *arg, struct http_req *rq)
{
	struct span rest = rq->target;

	span_cut(&rest, '?', &rq->path);
	rq->query = rest;
	rq->started_us = 0;
	inside.replies = 0;
	handler(rq, arg);
	if (inside.replies != 1)
		inside_die("not exactly one reply");
	return inside.status;
}

/* ---- the store ---- */

#define SNAPSHOT_TABLES 64
/* Statements are kept by the address of their text: these are never freed. */
static char *snapshot_made[SNAPSHOT_TABLES], *snapshot_back[2 * SNAPSHOT_TABLES];
static size_t snapshot_count;

static inline bool
snapshot_tx(struct sql *db, void *arg, struct problem *pr)
{
	static const char SQL[] = "select name from sqlite_master where type='table' order by name";
	struct sql_stmt *st = sql_begin(db, SQL);
	size_t n = 0;

	(void)arg;
	while (sql_step(st) && n < SNAPSHOT_TABLES) {
		AUTO_FREE char *name = span_dup(sql_text(st, 0));

		snapshot_made[n++] = xasprintf("create table snap_%s as select * from %s", name, name);
		snapshot_back[snapshot_count++] = xasprintf("delete from %s", name);
		snapshot_back[snapshot_count++] = xasprintf("insert into %s select * from snap_%s", name, name);
	}
	if (!sql_end(st, pr))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!sql_exec(db, snapshot_made[i], pr))
			return false;
	}
	return true;
}

static inline bool
restore_tx(struct sql *db, void *arg, struct problem *pr)
{
	(void)arg;
	for (size_t i = 0; i < snapshot_count; i++) {
		if (!sql_exec(db, snapshot_back[i], pr))
			return false;
	}
	return true;
}

/* What is in the store now is there for each request. */
static inline void
inside_snapshot(struct store *store)
{
	struct problem pr = { 0 };

	if (!store_write(store, snapshot_tx, NULL, &pr))
		inside_die(pr.cause);
}

/* After whatever may have changed something. */
static inline void
inside_restore(struct store *store)
{
	struct problem pr = { 0 };

	if (!store_write(store, restore_tx, NULL, &pr))
		inside_die(pr.cause);
}
#endif
