/* ca_directory.c - the directory of a CA: the only URL we are told; all others come out of it (RFC
 * 8555 7.1.1).
 *
 * One fetch at a time; calls that cannot go on without it wait in a list. A failed refresh changes
 * nothing while a last good copy is there. CAs limit requests for the directory like any other, so
 * it is asked for once a day. */
#include <stdlib.h>

#include "base/log.h"
#include "base/rand.h"
#include "upstream/ca_int.h"

struct fetch {
	struct ca *ca;
	bool is_probe; /* of the circuit */
	struct httpc_reply reply;
};

/* t +-10 %, so that the gateways of the world do not come at once */
static int64_t
jittered(int64_t t)
{
	return t - t / 10 + rand_below((uint32_t)(t / 5));
}

struct ca_directory *
ca_directory_ref(struct ca *ca)
{
	struct ca_directory *dir;

	pthread_mutex_lock(&ca->lock);
	dir = ca->dir;
	if (dir)
		atomic_fetch_add(&dir->refs, 1);
	pthread_mutex_unlock(&ca->lock);
	return dir;
}

void
ca_directory_unref(struct ca_directory *dir)
{
	if (!dir || atomic_fetch_sub(&dir->refs, 1) != 1)
		return;
	acme_directory_done(&dir->d);
	free(dir);
}

/* Does each have what the other has? */
static bool
same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool
profiles_within(const struct acme_directory *a, const struct acme_directory *b)
{
	for (size_t i = 0; i < a->profile_count; i++) {
		if (!acme_directory_has_profile(b, a->profiles[i].name))
			return false;
	}
	return true;
}

/* What an operator must look at: terms to agree to, profiles in use that may be gone, a binding now
 * demanded. */
static void
tell_changes(
	const struct ca *ca, const struct acme_directory *old, const struct acme_directory *new)
{
	if (!same_text(old->terms_of_service, new->terms_of_service))
		log_warning("upstream_terms_changed", LS("upstream", ca->name),
			LS("terms", new->terms_of_service ? new->terms_of_service : ""));
	if (old->external_account_required != new->external_account_required)
		log_warning("upstream_eab_changed", LS("upstream", ca->name),
			LI("required", new->external_account_required));
	if (!profiles_within(old, new) || !profiles_within(new, old))
		log_warning("upstream_profiles_changed", LS("upstream", ca->name),
			LI("before", old->profile_count), LI("now", new->profile_count));
}

static bool
directory_parse(
	const struct ca *ca, struct span text, struct ca_directory **ret, struct problem *pr)
{
	struct ca_directory *dir = xcalloc(1, sizeof(*dir));

	atomic_init(&dir->refs, 1);
	if (!acme_directory_read(text, &dir->d, pr)) {
		free(dir);
		return false;
	}
	for (size_t i = 0; i < ACME_ENTRY__COUNT; i++) {
		if (dir->d.url[i] && !ca_url_allowed(ca, dir->d.url[i])) {
			problem_internal(pr, "the CA's directory leads to another server: %s at %.200s", acme_entry_name((enum acme_entry)i), dir->d.url[i]);
			ca_directory_unref(dir);
			return false;
		}
	}
	*ret = dir;
	return true;
}

/* Make it the one in use. */
static void
directory_set(struct ca *ca, struct ca_directory *dir, int64_t fetched_unix_s)
{
	struct ca_directory *old;

	pthread_mutex_lock(&ca->lock);
	old = ca->dir;
	ca->dir = dir;
	ca->fetched_unix_s = fetched_unix_s;
	ca->due_unix_s = fetched_unix_s + jittered(DIRECTORY_LIFE_S);
	pthread_mutex_unlock(&ca->lock);
	if (old)
		tell_changes(ca, &old->d, &dir->d);
	ca_directory_unref(old);
}

bool
ca_directory_restore(struct ca *ca, struct span text, int64_t fetched_unix_s, struct problem *pr)
{
	struct ca_directory *dir;

	if (!directory_parse(ca, text, &dir, pr))
		return false;
	directory_set(ca, dir, fetched_unix_s);
	return true;
}

/* The fetch is over: let all that waited go on. */
static void
fetch_over(struct ca *ca, const struct problem *why, int64_t retry_after_s)
{
	struct ca_call *waiters;

	pthread_mutex_lock(&ca->lock);
	ca->fetching = false;
	if (why)
		ca->due_unix_s = clock_unix_s() + jittered(DIRECTORY_RETRY_S);
	waiters = ca->waiters;
	ca->waiters = NULL;
	pthread_mutex_unlock(&ca->lock);
	while (waiters) {
		struct ca_call *next = waiters->next;

		ca_call_resume(waiters, why, retry_after_s);
		waiters = next;
	}
}

/* Our own queue may be too long for an answer. */
static void
probed(const struct fetch *f)
{
	struct ca *ca = f->ca;

	if (f->reply.result == HTTPC_OK) {
		ca_count_success(ca);
		return;
	}
	pthread_mutex_lock(&ca->lock);
	circuit_give_up(&ca->circuit);
	pthread_mutex_unlock(&ca->lock);
	ca_probe_later(ca);
}

/* Worker: read what came. */
static void
fetch_read(void *arg)
{
	struct fetch *f = arg;
	struct ca *ca = f->ca;
	struct ca_directory *dir;
	struct acme_problem why = { 0 };
	struct span text = buf_span(&f->reply.body);
	int64_t retry_after_s = 0;

	bool ill = ca_count_failure(ca, &f->reply);

	if (f->is_probe && !ill)
		probed(f);
	if (ill || f->reply.status != 200) {
		ca_read_problem(&f->reply, &why);
		ca_retry_after(&f->reply, &why.problem, CA_RETRY_MAX_S, &retry_after_s);
	} else if (directory_parse(ca, text, &dir, &why.problem)) {
		directory_set(ca, dir, clock_unix_s());
		if (ca->on_directory)
			ca->on_directory(ca->name, text, ca->arg);
	}
	if (why.problem.kind)
		log_warning("upstream_directory_failed", LS("upstream", ca->name),
			LI("status", f->reply.status), LPR(&why.problem));
	fetch_over(ca, why.problem.kind ? &why.problem : NULL, retry_after_s);
	acme_problem_done(&why);
	httpc_reply_done(&f->reply);
	free(f);
}

static void
on_fetched(struct httpc_reply *rp, void *arg)
{
	struct fetch *f = arg;

	httpc_reply_take(rp, &f->reply);
	pool_post(f->ca->pool, fetch_read, f);
}

static void
fetch_start(struct ca *ca, bool is_probe)
{
	struct fetch *f = xcalloc(1, sizeof(*f));
	struct httpc_request rq;
	struct problem why = { 0 };

	f->ca = ca;
	f->is_probe = is_probe;
	ca_request_init(ca, &rq, ca->request_ms);
	rq.method = "GET";
	rq.url = ca->directory_url;
	rq.accept = "application/json";
	rq.body_max_bytes = DIRECTORY_MAX_BYTES;
	if (ca_send(ca, &rq, on_fetched, f))
		return;
	free(f);
	problem_internal(&why, "upstream %s is being stopped", ca->name);
	fetch_over(ca, &why, 0);
}

void
ca_directory_wait(struct ca *ca, struct ca_call *call)
{
	bool start;

	pthread_mutex_lock(&ca->lock);
	call->next = ca->waiters;
	ca->waiters = call;
	start = !ca->fetching;
	ca->fetching = true;
	ca->stats.directories += start;
	pthread_mutex_unlock(&ca->lock);
	if (start)
		fetch_start(ca, false);
}

static void
fetch_if(struct ca *ca, bool only_if_due)
{
	bool start;

	pthread_mutex_lock(&ca->lock);
	start = !ca->fetching && (!only_if_due || clock_unix_s() >= ca->due_unix_s);
	ca->fetching = ca->fetching || start;
	ca->stats.directories += start;
	pthread_mutex_unlock(&ca->lock);
	if (start)
		fetch_start(ca, false);
}

void
ca_directory_check(struct ca *ca)
{
	fetch_if(ca, true);
}

void
ca_refresh(struct ca *ca)
{
	fetch_if(ca, false);
}

bool
ca_directory_is_fresh(struct ca *ca)
{
	bool fresh;

	pthread_mutex_lock(&ca->lock);
	fresh = ca->dir && clock_unix_s() - ca->fetched_unix_s < DIRECTORY_FRESH_S;
	pthread_mutex_unlock(&ca->lock);
	return fresh;
}

/* ---- probes ---- */

/* The loop's thread. Who calls meanwhile may be the probe instead. */
static void
on_probe(void *arg)
{
	struct ca *ca = arg;
	bool ill, start = false, probe;
	msec_t wait_ms = CIRCUIT_PAUSE_MIN_MS;

	pthread_mutex_lock(&ca->lock);
	ill = !ca->stopped && circuit_is_open(&ca->circuit);
	if (ill && !ca->fetching)
		start = circuit_enter(&ca->circuit, clock_ms(), &probe, &wait_ms);
	ca->fetching = ca->fetching || start;
	ca->stats.directories += start;
	pthread_mutex_unlock(&ca->lock);
	if (start)
		fetch_start(ca, true);
	else if (ill)
		timer_set(ca->probe_timer, wait_ms);
}

static void
arm(void *arg)
{
	struct ca *ca = arg;

	if (!ca->probe_timer)
		ca->probe_timer = timer_new(ca->loop, on_probe, ca);
	on_probe(ca);
}

void
ca_probe_later(struct ca *ca)
{
	if (ca->loop)
		loop_post(ca->loop, arm, ca);
}
