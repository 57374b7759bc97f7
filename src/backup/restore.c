/* restore.c - putting a backup back; see backup.h.
 *
 * The copy is made ready under another name, in one piece, and gets its name last: whatever dies on the way leaves no database, and the next
 * try begins anew. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backup/backup.h"
#include "base/clock.h"
#include "base/secret.h"
#include "flow/order.h"
#include "json/json.h"
#include "ledger/ledger.h"
#include "store/audit.h"
#include "store/schema.h"

#define MANIFEST_MAX (64 * 1024)
#define BATCH 200
#define NODE "restore"

/* ---- is it whole? ---- */

static bool
check_file(const char *folder, const struct json_node *file, struct problem *pr)
{
	AUTO_FREE char *name = span_dup(json_text(json_get(file, "name"))), *path = backup_path(folder, name);
	char sha256[SHA256_TEXT];
	int64_t size;

	if (!name[0] || strchr(name, '/'))
		return problem_set(pr, PROBLEM_MALFORMED, "the manifest names a file that cannot be its own");
	if (!backup_digest(path, sha256, &size, pr))
		return false;
	if (!span_is(json_text(json_get(file, "sha256")), sha256))
		return problem_set(pr, PROBLEM_MALFORMED, "%s is not what was backed up", path);
	return true;
}

/* Another master key than that of the backup opens none of its secrets. */
static bool
check_key(const struct gate_conf *conf, const struct restore *r, const struct json_node *manifest, struct problem *pr)
{
	AUTO_FREE char *copy = backup_path(r->folder, "master.key"), *where = xasprintf("file:%s", copy);
	struct span wanted = json_text(json_get(manifest, "master_key"));
	char mark[SHA256_TEXT];

	backup_key_mark(conf->master_key, mark);
	if (!mark[0] && access(copy, F_OK) == 0)
		backup_key_mark(where, mark);
	if (!mark[0] || wanted.n == 0 || span_is(wanted, mark))
		return true;
	return problem_set(pr, PROBLEM_MALFORMED, "the master key at %s is not the one of this backup: none of its secrets could be opened", conf->master_key);
}

static bool
read_manifest(const struct gate_conf *conf, const struct restore *r, struct restored *ret, struct problem *pr)
{
	AUTO_FREE char *path = backup_path(r->folder, "manifest.json");
	AUTO_BUF text = BUF_MAX(MANIFEST_MAX);
	struct json *doc = NULL;
	const struct json_node *root, *files;
	int64_t format = 0;
	bool good;

	if (!file_load(path, &text, pr) || !json_parse(buf_span(&text), "manifest", NULL, &doc, pr))
		return false;
	root = json_root(doc);
	files = json_get(root, "files");
	good = json_int(json_get(root, "format"), &format) && format == 1 && time_rfc3339_parse(json_text(json_get(root, "made")), &ret->made_at) &&
		json_count(files) > 0;
	if (!good)
		problem_set(pr, PROBLEM_MALFORMED, "%s is not a manifest that this release knows", path);
	for (size_t i = 0; good && i < json_count(files); i++)
		good = check_file(r->folder, json_at(files, i), pr);
	good = good && check_key(conf, r, root, pr);
	json_free(doc);
	return good;
}

/* ---- what may have happened since ---- */

struct after {
	const struct gate_conf *conf;
	const struct restore *r;
	struct restored *ret;
	int64_t ended, count;
};

static bool
end_orders_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct after *a = arg;

	return orders_expire(db, INT64_MAX, BATCH, NODE, &a->count, pr);
}

static bool
end_orders(struct store *store, struct after *a, struct problem *pr)
{
	do {
		if (!store_write(store, end_orders_tx, a, pr))
			return false;
		a->ret->orders_ended += a->count;
	} while (a->count == BATCH);
	return true;
}

static bool
spend_and_note_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct after *a = arg;
	char made[TIME_TEXT];
	const struct audit_entry e = { .event = AUDIT_STORE_RESTORE, .actor = AUDIT_OPERATOR, .uid = a->r->uid, .operator_name = a->r->user,
		.command = "restore", .object = a->r->folder, .before = a->ret->made_at ? time_rfc3339(a->ret->made_at, made) : NULL };

	return (a->r->unchanged || ledger_distrust(db, a->conf, clock_unix_ms() * 1000000, &a->ret->buckets_spent, pr)) && audit_note(db, &e, pr);
}

/* A store that no gateway has open. */
static bool
make_ready(const char *where, struct after *a, struct problem *pr)
{
	struct store *store = NULL;
	int64_t version;
	bool good = store_open(where, 1, &store, pr) && (store_is_shared(store) || schema_check(store, &version, pr)) &&
		schema_migrate(store, pr) && (a->r->unchanged || end_orders(store, a, pr)) && store_write(store, spend_and_note_tx, a, pr);

	store_close(store);
	return good;
}

/* ---- in its place ---- */

static bool
put_beside(const struct restore *r, const char *name, const char *to, struct problem *pr)
{
	AUTO_FREE char *from = backup_path(r->folder, name);

	return access(from, F_OK) != 0 || access(to, F_OK) == 0 || backup_copy(from, to, pr);
}

/* A database and what SQLite keeps beside it. */
static const char *const ends[] = { "", "-wal", "-shm", "-journal" };

static void
remove_part(const char *part)
{
	for (size_t i = 0; i < COUNT_OF(ends); i++) {
		AUTO_FREE char *path = xasprintf("%s%s", part, ends[i]);

		unlink(path);
	}
}

/* A log that another database has left there would be played back into the one that is put in its place. */
static bool
place_is_free(const char *sqlite, struct problem *pr)
{
	for (size_t i = 0; i < COUNT_OF(ends); i++) {
		AUTO_FREE char *path = xasprintf("%s%s", sqlite, ends[i]);

		if (access(path, F_OK) == 0)
			return problem_set(pr, PROBLEM_CONFLICT, "there is a database, or what is left of one, %s: move it away first, with its -wal and -shm", path);
	}
	return true;
}

static bool
put_back(const struct gate_conf *conf, const char *sqlite, struct after *a, struct problem *pr)
{
	AUTO_FREE char *part = xasprintf("%s.restore", sqlite), *where = xasprintf("sqlite:%s", part), *from = backup_path(a->r->folder, "acmegate.db");
	AUTO_FREE char *node = backup_path(conf->state_dir, "node");
	bool is_file = span_starts(span_str(conf->master_key), "file:");
	const char *key = is_file ? conf->master_key + strlen("file:") : "";

	remove_part(part);
	if (!backup_copy(from, part, pr) || !make_ready(where, a, pr)) {
		remove_part(part);
		return false;
	}
	if (a->r->check) {
		remove_part(part);
		return true;
	}
	if (!put_beside(a->r, "node", node, pr) || (is_file && !put_beside(a->r, "master.key", key, pr)))
		return false;
	a->ret->has_master_key = !is_file || access(key, F_OK) == 0;
	return place_is_free(sqlite, pr) && backup_rename(part, sqlite, pr);
}

/* pg_restore has done the rest. */
static bool
after_dump(const struct gate_conf *conf, struct after *a, struct problem *pr)
{
	if (a->r->folder || a->r->check)
		return problem_set(pr, PROBLEM_MALFORMED, "the store is PostgreSQL: restore its dump by pg_restore, then call this without a folder");
	a->ret->has_master_key = true;
	return make_ready(conf->store, a, pr);
}

bool
backup_restore(const struct gate_conf *conf, const struct restore *r, struct restored *ret, struct problem *pr)
{
	struct after a = { .conf = conf, .r = r, .ret = ret };
	struct problem none = { 0 };
	const char *sqlite = backup_sqlite(conf, &none);

	*ret = (struct restored){ 0 };
	if (!r->check && backup_gate_runs(conf))
		return problem_set(pr, PROBLEM_CONFLICT, "the gateway runs: stop it first");
	if (!sqlite)
		return after_dump(conf, &a, pr);
	if (!r->folder)
		return problem_set(pr, PROBLEM_MALFORMED, "the folder of the backup is missing");
	if (!r->check && !place_is_free(sqlite, pr))
		return false;
	return read_manifest(conf, r, ret, pr) && put_back(conf, sqlite, &a, pr);
}
