/* audit_trail.c - see audit_trail.h. */
#include "store/audit_trail.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"

#define TILE_LEVEL 8
#define LEVELS 40 /* levels of which hashes are stored: 8, 16, 24, 32 */

/* ---- the one row ---- */

bool
audit_state_get(struct sql *db, struct audit_state *ret, struct problem *pr)
{
	static const char SQL[] =
		"select size, cut, signed_size, signed_at, sent, lost, origin, sealed, public_key from audit_state where id=1";
	struct sql_stmt *st = sql_begin(db, SQL);

	*ret = (struct audit_state){ .sealed = BUF_MAX(AUDIT_KEY_MAX) };
	if (sql_step(st)) {
		struct span key = sql_blob(st, 8);

		ret->size = sql_int(st, 0);
		ret->cut = sql_int(st, 1);
		ret->signed_size = sql_int(st, 2);
		ret->signed_at = sql_int(st, 3);
		ret->sent = sql_int(st, 4);
		ret->lost = sql_int(st, 5);
		sql_copy(st, 6, ret->origin, sizeof(ret->origin));
		buf_addspan(&ret->sealed, sql_blob(st, 7));
		if (key.n == TLOG_KEY)
			memcpy(ret->public_key, key.p, TLOG_KEY);
	}
	return sql_end(st, pr);
}

void
audit_state_done(struct audit_state *s)
{
	buf_done(&s->sealed);
}

bool
audit_set_key(struct sql *db, const char *origin, struct span sealed, const unsigned char public_key[TLOG_KEY], bool *ret_set, struct problem *pr)
{
	static const char SQL[] = "update audit_state set origin=$1, sealed=$2, public_key=$3 where id=1 and origin=''";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_str(st, 1, origin);
	sql_bind_blob(st, 2, sealed);
	sql_bind_blob(st, 3, span_of(public_key, TLOG_KEY));
	*ret_set = sql_changes(st) == 1;
	return sql_end(st, pr);
}

bool
audit_set_sent(struct sql *db, int64_t sent, int64_t lost, struct problem *pr)
{
	static const char SQL[] = "update audit_state set sent=$1, lost=$2 where id=1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, sent);
	sql_bind_int(st, 2, lost);
	sql_step(st);
	return sql_end(st, pr);
}

static bool
set_size(struct sql *db, int64_t size, struct problem *pr)
{
	static const char SQL[] = "update audit_state set size=$1 where id=1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, size);
	sql_step(st);
	return sql_end(st, pr);
}

/* ---- the tree ---- */

static struct tlog_hash
hash_of(struct sql_stmt *st, int col)
{
	struct span octets = sql_blob(st, col);
	struct tlog_hash h = { { 0 } };

	if (octets.n == TLOG_HASH)
		memcpy(h.octets, octets.p, TLOG_HASH);
	return h;
}

/* Fold `count` neighbours of one level, the first with this index, into the hash of the subtree that they are. */
static bool
fold(struct sql *db, unsigned level, uint64_t index, uint64_t count, struct tlog_hash *ret, struct problem *pr)
{
	static const char LEAVES[] = "select hash from audit where seq>=$1 and seq<$2 order by seq";
	static const char NODES[] = "select hash from audit_node where idx>=$1 and idx<$2 and level=$3 order by idx";
	struct sql_stmt *st = sql_begin(db, level ? NODES : LEAVES);
	struct tlog_edge edge = { 0 };
	bool good = true;

	sql_bind_int(st, 1, (int64_t)index);
	sql_bind_int(st, 2, (int64_t)(index + count));
	if (level)
		sql_bind_int(st, 3, level);
	while (sql_step(st)) {
		struct tlog_hash h = hash_of(st, 0);

		good = tlog_edge_add(&edge, 0, &h) && good;
	}
	if (!sql_end(st, pr))
		return false;
	if (!good || edge.size != count)
		return problem_internal(pr, "the audit trail lacks hashes of level %u from %llu on", level, (unsigned long long)index);
	tlog_edge_root(&edge, ret);
	return true;
}

bool
audit_tree_full(void *tree, unsigned level, uint64_t index, struct tlog_hash *ret)
{
	struct audit_tree *t = tree;
	unsigned stored = level / TILE_LEVEL * TILE_LEVEL, above = level - stored;

	return fold(t->db, stored, index << above, (uint64_t)1 << above, ret, t->pr);
}

static bool
node_add(struct sql *db, unsigned level, uint64_t index, const struct tlog_hash *hash, struct problem *pr)
{
	static const char SQL[] = "insert into audit_node (level, idx, hash) values ($1, $2, $3)";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, level);
	sql_bind_int(st, 2, (int64_t)index);
	sql_bind_blob(st, 3, span_of(hash->octets, TLOG_HASH));
	sql_step(st);
	return sql_end(st, pr);
}

/* Subtrees that are full with this size. */
static bool
store_nodes(struct sql *db, uint64_t size, struct problem *pr)
{
	for (unsigned level = TILE_LEVEL; level < LEVELS && (size & (((uint64_t)1 << level) - 1)) == 0; level += TILE_LEVEL) {
		uint64_t index = (size >> level) - 1;
		struct tlog_hash hash;

		if (!fold(db, level - TILE_LEVEL, index * AUDIT_TILE, AUDIT_TILE, &hash, pr) || !node_add(db, level, index, &hash, pr))
			return false;
	}
	return true;
}

/* ---- numbers ---- */

struct waiting {
	int64_t id, at_ms;
	char *event, *who, *account, *order, *entry, *open;
};

static void
waiting_done(struct waiting *w, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(w[i].event);
		free(w[i].who);
		free(w[i].account);
		free(w[i].order);
		free(w[i].entry);
		free(w[i].open);
	}
	free(w);
}

static bool
read_waiting(struct sql *db, int64_t limit, struct waiting *ret, size_t *ret_count, struct problem *pr)
{
	static const char SQL[] = "select id, at_ms, event, who, account, order_ref, entry, open from audit_pending where id>0 order by id limit $1";
	struct sql_stmt *st = sql_begin(db, SQL);

	*ret_count = 0;
	sql_bind_int(st, 1, limit);
	while (sql_step(st)) {
		ret[(*ret_count)++] = (struct waiting){ sql_int(st, 0), sql_int(st, 1), span_dup(sql_text(st, 2)), span_dup(sql_text(st, 3)),
			span_dup(sql_text(st, 4)), span_dup(sql_text(st, 5)), span_dup(sql_text(st, 6)), span_dup(sql_text(st, 7)) };
	}
	return sql_end(st, pr);
}

static bool
forget_waiting(struct sql *db, int64_t id, struct problem *pr)
{
	static const char SQL[] = "delete from audit_pending where id=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, id);
	sql_step(st);
	return sql_end(st, pr);
}

static bool
append(struct sql *db, const struct waiting *w, int64_t seq, struct problem *pr)
{
	static const char SQL[] =
		"insert into audit (seq, at_ms, event, who, account, order_ref, hash, entry, open) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
	/* its number is part of what is hashed: an entry that is moved shows it */
	AUTO_FREE char *entry = xasprintf("{\"seq\":%lld,%s", (long long)seq, w->entry);
	struct sql_stmt *st = sql_begin(db, SQL);
	struct tlog_hash hash;

	tlog_leaf(span_str(entry), &hash);
	sql_bind_int(st, 1, seq);
	sql_bind_int(st, 2, w->at_ms);
	sql_bind_str(st, 3, w->event);
	sql_bind_str(st, 4, w->who);
	sql_bind_str(st, 5, w->account);
	sql_bind_str(st, 6, w->order);
	sql_bind_blob(st, 7, span_of(hash.octets, TLOG_HASH));
	sql_bind_str(st, 8, entry);
	sql_bind_str(st, 9, w->open);
	sql_step(st);
	return sql_end(st, pr) && forget_waiting(db, w->id, pr) && store_nodes(db, (uint64_t)seq + 1, pr);
}

bool
audit_sequence(struct sql *db, int64_t limit, int64_t *ret_count, struct problem *pr)
{
	struct waiting *w = xcalloc((size_t)limit, sizeof(*w));
	struct audit_state s;
	size_t count = 0;
	bool good = audit_state_get(db, &s, pr) && read_waiting(db, limit, w, &count, pr);

	for (size_t i = 0; good && i < count; i++)
		good = append(db, &w[i], s.size + (int64_t)i, pr);
	good = good && (count == 0 || set_size(db, s.size + (int64_t)count, pr));
	*ret_count = (int64_t)count;
	waiting_done(w, count);
	audit_state_done(&s);
	return good;
}

static bool
one_number(struct sql_stmt *st, int64_t *ret, struct problem *pr)
{
	*ret = sql_step(st) ? sql_int(st, 0) : 0;
	return sql_end(st, pr);
}

bool
audit_waiting(struct sql *db, int64_t max, int64_t *ret_count, struct problem *pr)
{
	static const char SQL[] = "select count(*) from (select id from audit_pending where id>0 limit $1) bounded";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, max);
	return one_number(st, ret_count, pr);
}

/* ---- checkpoints ---- */

bool
audit_checkpoint_add(struct sql *db, int64_t size, const char *note, struct problem *pr)
{
	static const char INSERT[] = "insert into audit_checkpoint (size, at, note) values ($1, $2, $3) on conflict do nothing";
	static const char STATE[] = "update audit_state set signed_size=$1, signed_at=$2 where id=1 and signed_size<=$1";
	int64_t now = clock_unix_s();
	struct sql_stmt *st = sql_begin(db, INSERT);

	sql_bind_int(st, 1, size);
	sql_bind_int(st, 2, now);
	sql_bind_str(st, 3, note);
	sql_step(st);
	if (!sql_end(st, pr))
		return false;
	st = sql_begin(db, STATE);
	sql_bind_int(st, 1, size);
	sql_bind_int(st, 2, now);
	sql_step(st);
	return sql_end(st, pr);
}

bool
audit_checkpoint_each(struct sql *db, int64_t above, int64_t limit, audit_checkpoint_fn fn, void *arg, struct problem *pr)
{
	static const char SQL[] = "select size, note from audit_checkpoint where size>$1 order by size limit $2";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_int(st, 1, above);
	sql_bind_int(st, 2, limit);
	while (sql_step(st)) {
		AUTO_FREE char *note = span_dup(sql_text(st, 1));

		if (!fn(sql_int(st, 0), note, arg))
			break;
	}
	return sql_end(st, pr);
}

bool
audit_checkpoint_get(struct sql *db, int64_t size, char **ret, struct problem *pr)
{
	static const char SQL[] = "select note, size from audit_checkpoint where size<=$1 order by size desc limit 1";
	struct sql_stmt *st = sql_begin(db, SQL);

	*ret = NULL;
	sql_bind_int(st, 1, size ? size : INT64_MAX);
	if (sql_step(st) && (size == 0 || sql_int(st, 1) == size))
		*ret = span_dup(sql_text(st, 0));
	return sql_end(st, pr);
}

/* ---- entries ---- */

#define COLUMNS "select seq, at_ms, event, hash, entry, open, erased from audit where "
#define FITS                                                                                       \
	" and ($3='' or who=$3) and ($4='' or event=$4) and ($5='' or account=$5) and ($6='' or order_ref=$6)" \
	" and at_ms>=$7 and ($8=0 or at_ms<$8)"
#define DOWN " and seq<$1 and seq>=$9 order by seq desc limit $2"

static void
bind_query(struct sql_stmt *st, const struct audit_query *q, int64_t bound)
{
	sql_bind_int(st, 1, bound);
	sql_bind_int(st, 2, q->limit);
	sql_bind_str(st, 3, q->who ? q->who : "");
	sql_bind_str(st, 4, q->event ? q->event : "");
	sql_bind_str(st, 5, q->account ? q->account : "");
	sql_bind_str(st, 6, q->order ? q->order : "");
	sql_bind_int(st, 7, q->since_ms);
	sql_bind_int(st, 8, q->until_ms);
}

static bool
each(struct sql_stmt *st, audit_row_fn fn, void *arg, struct problem *pr)
{
	while (sql_step(st)) {
		AUTO_FREE char *event = span_dup(sql_text(st, 2)), *entry = span_dup(sql_text(st, 4));
		AUTO_FREE char *open = span_dup(sql_text(st, 5)), *erased = span_dup(sql_text(st, 6));
		struct audit_row r = { sql_int(st, 0), sql_int(st, 1), hash_of(st, 3), span_str(event), span_str(entry), span_str(open),
			sql_is_null(st, 6) ? SPAN_NONE : span_str(erased) };

		fn(&r, arg);
	}
	return sql_end(st, pr);
}

bool
audit_list_up(struct sql *db, const struct audit_query *q, audit_row_fn fn, void *arg, struct problem *pr)
{
	static const char SQL[] = COLUMNS "seq>=$1" FITS " order by seq limit $2";
	struct sql_stmt *st = sql_begin(db, SQL);

	bind_query(st, q, q->from);
	return each(st, fn, arg, pr);
}

#define DISORDER_MS (3600 * 1000) /* how much later than one with a later time an entry may come */

/* No entry of this time or later has a smaller number. */
static bool
first_since(struct sql *db, int64_t since_ms, int64_t *ret, struct problem *pr)
{
	static const char SQL[] = "select seq from audit where at_ms>=$1 order by at_ms, seq limit 1";
	struct sql_stmt *st;

	*ret = 0;
	if (since_ms <= DISORDER_MS)
		return true;
	st = sql_begin(db, SQL);
	sql_bind_int(st, 1, since_ms - DISORDER_MS);
	return one_number(st, ret, pr);
}

/* An entry of before this time has at most one more than the answer; INT64_MAX: it can be any. */
static bool
last_until(struct sql *db, int64_t until_ms, int64_t *ret, struct problem *pr)
{
	static const char SQL[] = "select seq from audit where at_ms>=$1 order by at_ms, seq limit 1";
	struct sql_stmt *st;

	*ret = INT64_MAX;
	if (until_ms == 0)
		return true;
	st = sql_begin(db, SQL);
	sql_bind_int(st, 1, until_ms + DISORDER_MS);
	if (sql_step(st))
		*ret = sql_int(st, 0);
	return sql_end(st, pr);
}

/* By the index that leads to the fewest. */
static struct sql_stmt *
down(struct sql *db, const struct audit_query *q)
{
	static const char ORDER[] = COLUMNS "order_ref=$6 and order_ref<>''" FITS DOWN;
	static const char ACCOUNT[] = COLUMNS "account=$5 and account<>''" FITS DOWN;
	static const char WHO[] = COLUMNS "who=$3 and who<>''" FITS DOWN;
	static const char EVENT[] = COLUMNS "event=$4" FITS DOWN;
	static const char ALL[] = COLUMNS "seq>=0" FITS DOWN;

	if (q->order)
		return sql_begin(db, ORDER);
	if (q->account)
		return sql_begin(db, ACCOUNT);
	if (q->who)
		return sql_begin(db, WHO);
	return q->event ? sql_begin(db, EVENT) : sql_begin(db, ALL);
}

bool
audit_list_down(struct sql *db, const struct audit_query *q, audit_row_fn fn, void *arg, struct problem *pr)
{
	int64_t before = q->before ? q->before : INT64_MAX, first, last;
	struct sql_stmt *st;

	if (!first_since(db, q->since_ms, &first, pr) || !last_until(db, q->until_ms, &last, pr))
		return false;
	st = down(db, q);
	bind_query(st, q, before < last ? before : last);
	sql_bind_int(st, 9, first > q->from ? first : q->from);
	return each(st, fn, arg, pr);
}

/* ---- erasing ---- */

struct erasing {
	int64_t *seqs;
	int64_t count, last;
};

static void
note_seq(const struct audit_row *r, void *arg)
{
	struct erasing *e = arg;

	e->last = r->seq;
	if (!r->erased.p)
		e->seqs[e->count++] = r->seq;
}

bool
audit_erase(struct sql *db, const struct audit_query *q, const char *why, int64_t *ret_count, int64_t *ret_last, struct problem *pr)
{
	static const char SQL[] = "update audit set open='{}', who='', erased=$2 where seq=$1";
	struct erasing e = { .seqs = xcalloc((size_t)q->limit, sizeof(*e.seqs)) };
	bool good = audit_list_down(db, q, note_seq, &e, pr);

	for (int64_t i = 0; good && i < e.count; i++) {
		struct sql_stmt *st = sql_begin(db, SQL);

		sql_bind_int(st, 1, e.seqs[i]);
		sql_bind_str(st, 2, why);
		sql_step(st);
		good = sql_end(st, pr);
	}
	*ret_count = e.count;
	*ret_last = e.last;
	free(e.seqs);
	return good;
}

/* ---- retention ---- */

/* Is the last entry of the tile that begins here as old? Then so are those before, but for what disorder does. */
static bool
tile_is_old(struct sql *db, int64_t first, int64_t before_ms, bool *ret, struct problem *pr)
{
	static const char SQL[] = "select count(*) from (select seq from audit where seq>=$1 and seq<$2 and at_ms>=$3) bounded";
	struct sql_stmt *st = sql_begin(db, SQL);
	int64_t young;

	sql_bind_int(st, 1, first);
	sql_bind_int(st, 2, first + AUDIT_TILE);
	sql_bind_int(st, 3, before_ms);
	if (!one_number(st, &young, pr))
		return false;
	*ret = young == 0;
	return true;
}

static bool
cut_at(struct sql *db, int64_t cut, struct problem *pr)
{
	static const char ENTRIES[] = "delete from audit where seq<$1";
	/* the one that the cut is proven by stays */
	static const char CHECKPOINTS[] = "delete from audit_checkpoint where size<$1";
	static const char STATE[] = "update audit_state set cut=$1, lost=lost+case when sent<$1 then $1-sent else 0 end,"
		" sent=case when sent<$1 then $1 else sent end where id=1";
	const char *const texts[] = { ENTRIES, CHECKPOINTS, STATE };

	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		struct sql_stmt *st = sql_begin(db, texts[i]);

		sql_bind_int(st, 1, cut);
		sql_step(st);
		if (!sql_end(st, pr))
			return false;
	}
	return true;
}

bool
audit_prune(struct sql *db, int64_t before_ms, int64_t tiles, int64_t *ret_cut, struct problem *pr)
{
	struct audit_state s;
	int64_t cut;
	bool old = true;

	if (!audit_state_get(db, &s, pr))
		return false;
	audit_state_done(&s);
	cut = s.cut;
	while (tiles-- > 0 && cut + AUDIT_TILE <= s.signed_size) {
		if (!tile_is_old(db, cut, before_ms, &old, pr))
			return false;
		if (!old)
			break;
		cut += AUDIT_TILE;
	}
	*ret_cut = cut;
	return cut == s.cut || cut_at(db, cut, pr);
}
