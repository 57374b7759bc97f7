/* upstreams.c - see upstreams.h. */
#include "upstream/upstreams.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/secret.h"
#include "keeper/guard.h"
#include "pki/cert.h"
#include "upstream/account_job.h"
#include "upstream/dispatch_int.h"
#include "upstream/lookup.h"

#define KEY_MAX_BYTES (64 * 1024)
#define EAB_WARN_S (30 * 86400)
#define ANCHORS_MAX_BYTES (8 * 1024 * 1024)

struct upstreams {
	struct upstream_env env;
	struct ledger *ledger;
	struct board *board;
	struct pace **paces; /* of each entry; those of one CA and one way out have the same */
	struct upstream *list;
	size_t count;
};

struct row_rq {
	const char *name;
	struct upstream_row row;
	/* a key to store, or to drop: */
	struct span sealed, ca_cert;
	const char *public_key;
};

static bool
row_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct row_rq *r = arg;

	upstream_row_done(&r->row);
	return upstream_row_get(db, r->name, &r->row, pr);
}

/* Of two gateways that begin at once one stores its key, and both go on with that one. */
static bool
key_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct row_rq *r = arg;
	bool moved;

	return upstream_set_key(db, r->row.id, r->sealed, r->public_key, r->ca_cert, &moved, pr) && row_tx(db, r, pr);
}

static bool
make_account_key(struct upstreams *ups, const struct upstream_conf *conf, struct upstream *u, struct row_rq *r, struct problem *pr)
{
	AUTO_BUF sealed = BUF_MAX(KEY_MAX_BYTES), jwk = BUF_MAX(KEY_MAX_BYTES);

	if (!upstream_make_key(u, conf, &sealed, &jwk, pr))
		return false;
	r->sealed = buf_span(&sealed);
	r->public_key = buf_cstr(&jwk);
	r->ca_cert = SPAN_NONE;
	return store_write(ups->env.store, key_tx, r, pr);
}

/* Another gateway of the cluster may have been faster, or has an account by now: the row says what holds. */
static bool
drop_key_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct row_rq *r = arg;
	bool moved;

	return upstream_drop_key(db, r->row.id, r->sealed, &moved, pr) && row_tx(db, r, pr);
}

static bool
drop_key(struct upstreams *ups, struct row_rq *r, struct problem *pr)
{
	AUTO_BUF sealed = BUF_MAX(KEY_MAX_BYTES);

	buf_addspan(&sealed, buf_span(&r->row.sealed_key));
	r->sealed = buf_span(&sealed);
	return store_write(ups->env.store, drop_key_tx, r, pr);
}

static bool
is_at_home(const struct upstream *u, const struct upstream_row *row)
{
	char made_for[ORIGIN_TEXT], here[ORIGIN_TEXT];

	return row->sealed_key.n == 0 ||
		(origin_of(keeper_scope(buf_span(&row->sealed_key)), made_for) && origin_of(span_str(ca_origin(u->ca)), here) &&
			strcmp(made_for, here) == 0);
}

/* The keeper uses a key at the origin that it was made for, and nowhere else. One that no account has is made anew; an account cannot
 * move, and only an operator knows what to do. */
static bool
check_origin(struct upstreams *ups, struct upstream *u, struct row_rq *r, struct problem *pr)
{
	AUTO_FREE char *fault = NULL;

	if (!is_at_home(u, &r->row) && !r->row.account_url[0] && !drop_key(ups, r, pr))
		return false;
	if (is_at_home(u, &r->row))
		return true;
	fault = xasprintf("the key of our account is for %.*s alone: give %s an entry of its own (acmegate.conf(5), \"Moving to another CA\")",
		SPAN_FMT(keeper_scope(buf_span(&r->row.sealed_key))), ca_origin(u->ca));
	ca_set_fault(u->ca, fault);
	log_error("upstream_moved", LS("upstream", u->name), LS("account", r->row.account_url), LS("why", fault));
	return true;
}

static bool
open_account(struct upstreams *ups, const struct upstream_conf *conf, struct upstream *u, struct row_rq *r, struct problem *pr)
{
	if (r->row.sealed_key.n == 0 && !make_account_key(ups, conf, u, r, pr))
		return false;
	return upstream_account_take(u, &r->row, pr);
}

struct directory_rq {
	const char *name;
	char *text;
};

static bool
directory_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct directory_rq *r = arg;

	return upstream_set_directory(db, r->name, r->text, clock_unix_s(), pr);
}

/* Worker: the last good copy outlives a restart while the CA is away. */
static void
on_directory(const char *name, struct span text, void *arg)
{
	struct upstreams *ups = arg;
	struct directory_rq r = { name, span_dup(text) };
	struct problem pr = { 0 };

	if (!store_write(ups->env.store, directory_tx, &r, &pr))
		log_error("directory_not_kept", LS("upstream", name), LPR(&pr));
	free(r.text);
}

/* The system's anchors and ca_file's in one file of ours: that is what libcurl reads once and keeps. *ret NULL: the system's alone. */
static bool
anchors_of(const struct gate_conf *conf, const struct upstream_conf *upstream, char **ret, struct problem *pr)
{
	AUTO_BUF pem = BUF_MAX(ANCHORS_MAX_BYTES);
	AUTO_FREE char *path = xasprintf("%s/anchors-%s.pem", conf->state_dir, upstream->name);
	const char *system = httpc_system_anchors();

	*ret = NULL;
	if (!upstream->ca_file || !upstream->ca_file[0])
		return true;
	if (!file_load(upstream->ca_file, &pem, pr))
		return false;
	buf_adds(&pem, "\n");
	/* an isolated site may have no system anchors at all */
	if (system && access(system, R_OK) == 0 && !file_load(system, &pem, pr))
		return false;
	if (!file_save(path, buf_span(&pem), 0600, pr))
		return false;
	*ret = TAKE(path);
	return true;
}

/* A CA counts requests by the address that they come from. */
static bool
same_way(const struct upstream_conf *a, const struct upstream_conf *b)
{
	return strcmp(a->ca, b->ca) == 0 && strcmp(a->proxy ? a->proxy : "", b->proxy ? b->proxy : "") == 0;
}

static struct pace *
pace_of(struct upstreams *ups, const struct upstream *u)
{
	struct gate_conf *conf = conf_holder_take(ups->env.conf);
	const struct upstream_conf *list = conf->upstreams.list;
	size_t at = (size_t)(u - ups->list);

	for (size_t i = 0; i < at && !ups->paces[at]; i++) {
		if (ups->paces[i] && same_way(&list[i], &list[at]))
			ups->paces[at] = ups->paces[i];
	}
	if (!ups->paces[at])
		ups->paces[at] = pace_new(&list[at]);
	gate_conf_unref(conf);
	return ups->paces[at];
}

static void
free_paces(struct upstreams *ups)
{
	for (size_t i = 0; i < ups->count; i++) {
		bool again = false;

		for (size_t j = 0; j < i; j++)
			again = again || ups->paces[j] == ups->paces[i];
		if (!again)
			pace_free(ups->paces[i]);
	}
	free(ups->paces);
}

static bool
open_acme(struct upstreams *ups, const struct upstream_conf *entry, struct upstream *u, struct row_rq *r, struct problem *pr)
{
	struct gate_conf *all = conf_holder_take(ups->env.conf);
	struct upstream_conf with_anchors = *entry, *conf = &with_anchors;
	AUTO_FREE char *anchors = NULL;
	struct problem stale = { 0 };
	bool good = anchors_of(all, entry, &anchors, pr);

	gate_conf_unref(all);
	if (!good)
		return false;
	conf->ca_file = anchors;
	u->ca = ca_new(&(struct ca_conf){ .upstream = conf, .httpc = ups->env.httpc, .gets = ups->env.gets, .pool = ups->env.pool,
		.keeper = ups->env.keeper, .loop = ups->env.loop, .pace = pace_of(ups, u), .on_directory = on_directory, .arg = ups });
	if (!check_origin(ups, u, r, pr))
		return false;
	if (r->row.directory && !ca_fault(u->ca) && !ca_directory_restore(u->ca, span_str(r->row.directory), r->row.directory_at, &stale))
		log_warning("directory_copy_unreadable", LS("upstream", u->name), LPR(&stale));
	return open_account(ups, conf, u, r, pr);
}

static bool
ca_pem(struct upstream *u, struct problem *pr)
{
	struct chain chain = { 0 };
	AUTO_BUF pem = BUF_MAX(KEY_MAX_BYTES);
	bool good = cert_parse(buf_span(&u->ca_cert), &chain.certs[0], pr);

	chain.count = good;
	good = good && chain_write_pem(&chain, &pem);
	if (good)
		u->ca_pem = xstrdup(buf_cstr(&pem));
	chain_done(&chain);
	return good;
}

static bool
open_local(struct upstreams *ups, const struct upstream_conf *conf, struct upstream *u, struct row_rq *r, struct problem *pr)
{
	AUTO_BUF sealed = BUF_MAX(KEY_MAX_BYTES), cert = BUF_MAX(KEY_MAX_BYTES);

	if (r->row.sealed_key.n == 0) {
		if (!keeper_make(ups->env.keeper, upstream_key_type(conf), PURPOSE_LOCAL_CA, span_str(conf->ca_name), &sealed, &cert, pr))
			return false;
		r->sealed = buf_span(&sealed);
		r->ca_cert = buf_span(&cert);
		r->public_key = NULL;
		if (!store_write(ups->env.store, key_tx, r, pr))
			return false;
		log_notice("local_ca_made", LS("upstream", u->name), LS("name", conf->ca_name));
	}
	u->sealed_ca = BUF_MAX(KEY_MAX_BYTES);
	u->ca_cert = BUF_MAX(KEY_MAX_BYTES);
	buf_addspan(&u->sealed_ca, buf_span(&r->row.sealed_key));
	buf_addspan(&u->ca_cert, buf_span(&r->row.ca_cert));
	return ca_pem(u, pr);
}

static bool
open_one(struct upstreams *ups, const struct upstream_conf *conf, struct upstream *u, struct problem *pr)
{
	struct row_rq r = { .name = conf->name };
	bool good;

	u->all = ups;
	pthread_mutex_init(&u->account_lock, NULL);
	u->driver = (enum upstream_driver)conf->driver;
	span_copy(span_str(conf->name), u->name, sizeof(u->name));
	good = store_write(ups->env.store, row_tx, &r, pr);
	u->id = r.row.id;
	good = good && (u->driver == DRIVER_ACME ? open_acme(ups, conf, u, &r, pr) : open_local(ups, conf, u, &r, pr));
	upstream_row_done(&r.row);
	return good;
}

bool
upstreams_open(const struct upstream_env *env, struct upstreams **ret, struct problem *pr)
{
	struct upstreams *ups = xcalloc(1, sizeof(*ups));
	struct gate_conf *conf = conf_holder_take(env->conf);
	const struct upstream_conf *list = conf->upstreams.list;
	bool good;

	ups->env = *env;
	ups->list = xcalloc(conf->upstreams.count, sizeof(*ups->list));
	ups->paces = xcalloc(conf->upstreams.count, sizeof(*ups->paces));
	ups->board = board_new();
	good = ledger_open(conf, &ups->ledger, pr);
	for (size_t i = 0; good && i < conf->upstreams.count; i++) {
		ups->count++;
		good = open_one(ups, &list[i], &ups->list[i], pr);
	}
	gate_conf_unref(conf);
	if (!good) {
		upstreams_free(ups);
		return false;
	}
	account_job_register(ups);
	issue_job_register(ups);
	revoke_job_register(ups);
	dispatch_register(ups);
	lookups_register(ups);
	*ret = ups;
	return true;
}

struct seeing {
	struct upstreams *ups;
	struct gate_conf *conf;
	int64_t stale_s;
	int64_t *ids; /* of the jobs made, by entry */
	bool *due;
};

/* Is there something to be done about the account of entry i? Then the job is made, if it is not there. */
static bool
see_to(struct seeing *s, struct sql *db, size_t i, struct problem *pr)
{
	struct upstream *u = &s->ups->list[i];
	const struct upstream_conf *entry = conf_upstream(s->conf, u->name);
	struct upstream_row row = { 0 };
	bool found;

	s->ids[i] = 0;
	s->due[i] = false;
	if (u->driver != DRIVER_ACME || !entry)
		return true;
	if (!upstream_row_by_id(db, u->id, &row, &found, pr))
		return false;
	if (found)
		atomic_store(&u->eab_expires, row.life.eab_expires);
	s->due[i] = found && account_next(&row, entry, clock_unix_s(), s->stale_s) != ACCOUNT_DONE;
	upstream_row_done(&row);
	return !s->due[i] || jobs_insert(s->ups->env.jobs, db, JOB_ACCOUNT, u->id, &s->ids[i], pr);
}

static bool
see_to_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct seeing *s = arg;
	bool good = true;

	for (size_t i = 0; good && i < s->ups->count; i++)
		good = see_to(s, db, i, pr);
	return good;
}

bool
upstream_eab_ends(struct upstream *u, int64_t now)
{
	int64_t expires = atomic_load(&u->eab_expires);

	return expires && expires <= now + EAB_WARN_S;
}

/* Once a day. */
static void
warn_of_eab(struct upstream *u)
{
	int64_t now = clock_unix_s(), expires = atomic_load(&u->eab_expires);

	if (!upstream_eab_ends(u, now) || now - atomic_load(&u->warned_at) < 86400)
		return;
	atomic_store(&u->warned_at, now);
	log_warning("upstream_eab_expires", LS("upstream", u->name), LI("at", expires), LI("days", (expires - now) / 86400));
}

bool
upstreams_see_to(struct upstreams *ups, int64_t stale_s, struct problem *pr)
{
	AUTO_FREE int64_t *ids = xcalloc(ups->count + 1, sizeof(*ids));
	AUTO_FREE bool *due = xcalloc(ups->count + 1, sizeof(*due));
	struct seeing s = { ups, conf_holder_take(ups->env.conf), stale_s, ids, due };
	bool good = store_write(ups->env.store, see_to_tx, &s, pr);

	gate_conf_unref(s.conf);
	for (size_t i = 0; good && i < ups->count; i++) {
		if (due[i])
			account_job_run(&ups->list[i], ids[i]);
		warn_of_eab(&ups->list[i]);
	}
	return good;
}

static bool
begin_tx(struct sql *db, void *arg, struct problem *pr)
{
	return dispatch_begin(db, pr) && lookups_begin(arg, db, pr);
}

bool
upstreams_begin(struct upstreams *ups, struct problem *pr)
{
	for (size_t i = 0; i < ups->count; i++) {
		if (ups->list[i].ca)
			ca_refresh(ups->list[i].ca);
	}
	if (!upstreams_see_to(ups, ACCOUNT_STALE_S, pr) || !store_write(ups->env.store, begin_tx, ups, pr))
		return false;
	/* somebody has to lead the queue, and to ask */
	jobs_look_in(ups->env.jobs, 0);
	return true;
}

void
upstreams_stop(struct upstreams *ups)
{
	for (size_t i = 0; i < ups->count; i++) {
		if (ups->list[i].ca)
			ca_stop(ups->list[i].ca);
	}
}

void
upstreams_free(struct upstreams *ups)
{
	if (!ups)
		return;
	for (size_t i = 0; i < ups->count; i++) {
		struct upstream *u = &ups->list[i];

		ca_free(u->ca);
		ca_account_unref(u->account);
		pthread_mutex_destroy(&u->account_lock);
		buf_done(&u->sealed_ca);
		buf_done(&u->ca_cert);
		buf_done(&u->crl);
		free(u->ca_pem);
	}
	free_paces(ups);
	ledger_close(ups->ledger);
	board_free(ups->board);
	free(ups->list);
	free(ups);
}

struct ledger *
upstreams_ledger(const struct upstreams *ups)
{
	return ups->ledger;
}

struct board *
upstreams_board(const struct upstreams *ups)
{
	return ups->board;
}

const struct upstream_env *
upstreams_env(const struct upstreams *ups)
{
	return &ups->env;
}

struct upstream *
upstreams_get(struct upstreams *ups, const char *name)
{
	for (size_t i = 0; i < ups->count; i++) {
		if (strcmp(ups->list[i].name, name) == 0)
			return &ups->list[i];
	}
	return NULL;
}

struct upstream *
upstreams_by_id(struct upstreams *ups, int64_t id)
{
	for (size_t i = 0; i < ups->count; i++) {
		if (ups->list[i].id == id)
			return &ups->list[i];
	}
	return NULL;
}

size_t
upstreams_count(const struct upstreams *ups)
{
	return ups->count;
}

struct upstream *
upstreams_at(struct upstreams *ups, size_t i)
{
	return &ups->list[i];
}
