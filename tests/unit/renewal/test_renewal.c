/* Renewal information from memory and from the store, on both of them: what has changed is read again, whoever changed it. */
#include "renewal/renewal.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

#include "../store/world.h"
#include "base/clock.h"

#define LIFE (90 * 86400)

static struct certid
id_of(unsigned n)
{
	struct certid id;
	struct problem pr = { 0 };
	const unsigned char serial[5] = { 0x11, (unsigned char)(n >> 24), (unsigned char)(n >> 16), (unsigned char)(n >> 8), (unsigned char)n };
	char text[CERTID_TEXT];

	if (!certid_write(SPAN("an issuer's key id"), span_of(serial, sizeof(serial)), text) || !certid_parse(span_str(text), &id, &pr))
		abort();
	return id;
}

struct put {
	unsigned from, count;
	int64_t principal, not_after;
};

static bool
put_tx(struct sql *db, void *arg, struct problem *pr)
{
	const struct put *p = arg;

	for (unsigned i = p->from; i < p->from + p->count; i++) {
		struct cert_row c = { .order_id = i, .account_id = p->principal, .principal = p->principal, .profile = "p", .upstream = "u",
			.not_before = p->not_after - LIFE, .not_after = p->not_after };
		struct certid id = id_of(i);

		snprintf(c.sha256, sizeof(c.sha256), "sha-%u", i);
		memcpy(c.certid, id.text, sizeof(c.certid));
		struct ident name = dns("a.test");
		bool good;

		idents_add(&c.idents, &name);
		good = cert_insert(db, &c, SPAN("PEM"), pr);
		cert_row_done(&c);
		if (!good)
			return false;
	}
	return true;
}

static void
put(struct store *store, unsigned from, unsigned count, int64_t principal, int64_t not_after)
{
	struct put p = { from, count, principal, not_after };

	world_case(store, put_tx, &p);
}

static bool
exec_tx(struct sql *db, void *arg, struct problem *pr)
{
	return sql_exec(db, arg, pr);
}

/* Until nothing more is there at once; how many pages that took. */
static unsigned
refresh(struct renewal *r)
{
	struct problem pr = { 0 };
	unsigned pages = 0;
	bool more;

	do {
		must(renewal_refresh(r, &more, &pr));
		pages++;
	} while (more);
	return pages;
}

struct ask {
	struct renewal *r;
	struct certid id;
	struct renewal_info info;
	bool found;
};

static bool
find_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct ask *a = arg;

	return renewal_find(a->r, db, &a->id, &a->info, &a->found, pr);
}

static bool
find(struct store *store, struct renewal *r, unsigned n, struct renewal_info *ret)
{
	struct ask a = { .r = r, .id = id_of(n) };
	struct problem pr = { 0 };

	must(store_read(store, find_tx, &a, &pr));
	*ret = a.info;
	return a.found;
}

static bool
peek(struct renewal *r, unsigned n, struct renewal_info *ret)
{
	struct certid id = id_of(n);

	return renewal_peek(r, &id, ret);
}

static void
test_fill(struct store *store)
{
	struct renewal *r = renewal_new(store);
	int64_t now = clock_unix_s();
	struct renewal_info info;
	struct renewal_stats s;

	put(store, 1, 4500, 1, now + LIFE / 2);
	put(store, 10001, 10, 1, now - 10);
	ok(!peek(r, 1, &info), "at first nothing is in memory");
	ok(find(store, r, 1, &info) && peek(r, 1, &info), "what the store was asked for is, from then on");
	ok(info.not_after == now + LIFE / 2 && info.principal == 1 && info.window.start < info.window.end, "with its window");
	ok(!find(store, r, 99999, &info), "of what is not in the store nothing is told");
	renewal_stats(r, &s);
	ok(!s.warm && s.cache.entries == 1 && s.hits == 1 && s.misses == 2, "that is counted");
	is_int(refresh(r), 6, "all that lives is read, a page at a time, and then what changed");
	renewal_stats(r, &s);
	ok(s.warm && s.cache.entries >= 4500 && s.cache.entries <= 4510, "into memory");
	ok(peek(r, 4500, &info) && peek(r, 2001, &info) && !peek(r, 99999, &info), "where it is found");
	renewal_free(r);
}

static void
test_changes(struct store *store)
{
	struct renewal *r = renewal_new(store);
	int64_t now = clock_unix_s();
	struct renewal_info before, after;
	AUTO_FREE char *revoke = xasprintf("update renewal set revoked_at=%" PRId64 ", changed_at=%" PRId64 " where certid='%s'", now, now, id_of(7).text);
	AUTO_FREE char *window = xasprintf("update renewal set ca_start=%" PRId64 ", ca_end=%" PRId64 ", explanation='https://ca.test/why', changed_at=%"
		PRId64 " where certid='%s'", now + 100, now + 50000, now - 30, id_of(8).text);

	refresh(r);
	ok(peek(r, 7, &before) && before.window.start > now && !before.revoked, "a certificate has a window to come");
	world_case(store, exec_tx, revoke);
	world_case(store, exec_tx, window);
	put(store, 5001, 1, 2, now + LIFE);
	ok(!peek(r, 5001, &after), "a new one is not in memory at once");
	refresh(r);
	ok(peek(r, 5001, &after) && after.principal == 2, "it is after the next look");
	ok(peek(r, 7, &after) && after.revoked && after.window.end < now, "so is that one was revoked");
	ok(peek(r, 8, &after) && after.window.start >= now + 100 && after.window.end <= now + 50000, "and the CA's window, though its transaction took half a minute");
	ok(after.explanation && strcmp(after.explanation, "https://ca.test/why") == 0, "with the page about it");
	renewal_free(r);
}

/* Many threads ask while others put: what is found is always whole. */
#define THREADS 4
#define CERTS 3000
static struct renewal_cache *shared;
static atomic_uint torn;

static void *
put_all(void *arg)
{
	int64_t round = *(int *)arg;

	for (unsigned i = 0; i < CERTS; i++) {
		struct certid id = id_of(i);
		struct renewal_info info = { .window = { round + i, round + i + 1 }, .not_after = 1000 + i % 2 * 1000000, .principal = round + i };

		renewal_cache_put(shared, &id, &info, 2000);
	}
	return NULL;
}

static void *
get_all(void *arg)
{
	(void)arg;
	for (unsigned i = 0; i < CERTS; i++) {
		struct certid id = id_of(i);
		struct renewal_info info;

		if (renewal_cache_get(shared, &id, &info) && (info.window.start != info.principal || info.window.end != info.window.start + 1))
			atomic_fetch_add(&torn, 1);
	}
	return NULL;
}

static void
test_threads(void)
{
	pthread_t threads[2 * THREADS];
	int rounds[THREADS];
	struct renewal_info info;
	struct renewal_cache_stats s;
	struct certid id;
	bool all = true;

	shared = renewal_cache_new();
	for (int i = 0; i < THREADS; i++) {
		rounds[i] = i * 100000;
		if (pthread_create(&threads[2 * i], NULL, put_all, &rounds[i]) || pthread_create(&threads[2 * i + 1], NULL, get_all, NULL))
			abort();
	}
	for (int i = 0; i < 2 * THREADS; i++)
		pthread_join(threads[i], NULL);
	is_int(atomic_load(&torn), 0, "no answer is half one and half another");
	for (unsigned i = 1; i < CERTS; i += 2) {
		id = id_of(i);
		all = all && renewal_cache_get(shared, &id, &info);
	}
	ok(all, "all that live are there");
	renewal_cache_stats(shared, &s);
	ok(s.entries < CERTS, "of those that have ended some have made room");
	renewal_cache_free(shared);
}

static void
test_memory(void)
{
	struct renewal_cache *c = renewal_cache_new();
	struct renewal_info info = { .not_after = INT64_MAX };
	struct renewal_cache_stats s;

	for (unsigned i = 0; i < 200000; i++) {
		struct certid id = id_of(i);

		renewal_cache_put(c, &id, &info, 0);
	}
	renewal_cache_stats(c, &s);
	ok(s.entries == 200000 && s.bytes / s.entries <= 200, "a certificate costs %zu octets of memory, at most 200", s.bytes / s.entries);
	renewal_cache_free(c);
}

int
main(void)
{
	if (!both_start())
		return done_testing();
	for (size_t i = 0; i < COUNT_OF(both); i++) {
		struct store *store = world_open(&both[i]);

		printf("# %s\n", both[i].name);
		test_fill(store);
		test_changes(store);
		store_close(store);
	}
	both_stop();
	test_threads();
	test_memory();
	return done_testing();
}
