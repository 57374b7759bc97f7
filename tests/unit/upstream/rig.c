/* rig.c - see rig.h. */
#include "rig.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"

static void
die(const char *what)
{
	printf("Bail out! %s\n", what);
	exit(1);
}

void
rig_start(struct rig *rig)
{
	AUTO_FREE char *master = NULL;
	struct problem pr = { 0 };

	signal(SIGPIPE, SIG_IGN);
	strcpy(rig->folder, "/tmp/acmegate-test-XXXXXX");
	if (!mkdtemp(rig->folder))
		die("mkdtemp");
	master = xasprintf("file:%s/master.key", rig->folder);
	if (!keeper_start(
		    &(struct keeper_conf){
			    .master = master, .create_master = true, .connections = 2 },
		    &rig->keeper, &pr))
		die(pr.cause);
	rig->loop = loop_new("outbound");
	rig->httpc = httpc_new(
		rig->loop, &(struct httpc_conf){ .per_host_max = 4, .connections_max = 8 });
	loop_start(rig->loop);
	rig->pool = pool_new(2, 1000);
}

void
rig_stop(struct rig *rig, struct ca **cas, size_t count)
{
	AUTO_FREE char *command = xasprintf("rm -r %s", rig->folder);

	for (size_t i = 0; i < count; i++)
		ca_stop(cas[i]);
	loop_stop(rig->loop);
	loop_join(rig->loop);
	httpc_free(rig->httpc);
	pool_free(rig->pool);
	for (size_t i = 0; i < count; i++)
		ca_free(cas[i]);
	loop_free(rig->loop);
	keeper_stop(rig->keeper);
	if (system(command) != 0)
		printf("# %s is left\n", rig->folder);
}

struct ca *
rig_ca(struct rig *rig, const char *directory, const char *ca_file,
	void (*on_directory)(const char *, struct span, void *), void *arg)
{
	struct upstream_conf up = { .name = (char *)"test",
		.directory = (char *)directory,
		.ca_file = (char *)ca_file,
		.request_ms = 5000 };

	return ca_new(&(struct ca_conf){ .upstream = &up,
		.httpc = rig->httpc,
		.pool = rig->pool,
		.keeper = rig->keeper,
		.on_directory = on_directory,
		.arg = arg });
}

void
rig_key_make(struct rig *rig, struct ca *ca, enum key_type type, struct rig_key *ret)
{
	struct problem pr = { 0 };
	AUTO_BUF spki = BUF_MAX(8192);

	ret->sealed = BUF_MAX(8192);
	ret->jwk = BUF_MAX(8192);
	if (!keeper_make(rig->keeper, type, PURPOSE_ACME_ACCOUNT, span_str(ca_origin(ca)),
		    &ret->sealed, &spki, &pr) ||
		!ca_signer_public(buf_span(&spki), &ret->jwk, &ret->alg, &pr))
		die(pr.cause);
}

void
rig_key_done(struct rig_key *key)
{
	buf_done(&key->sealed);
	buf_done(&key->jwk);
}

struct ca_signer
rig_signer(const struct rig_key *key, const char *kid)
{
	return (struct ca_signer){ buf_span(&key->sealed), key->alg, buf_span(&key->jwk), kid };
}

static pthread_mutex_t calls_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t calls_wake = PTHREAD_COND_INITIALIZER;
static size_t calls_done;
static bool calls_good = true;

void
rig_note_done(struct ca_call *call, void *arg)
{
	bool *was_done = arg;

	(void)call;
	pthread_mutex_lock(&calls_lock);
	calls_good = calls_good && pool_self() >= 0 && !*was_done;
	*was_done = true;
	calls_done++;
	pthread_cond_signal(&calls_wake);
	pthread_mutex_unlock(&calls_lock);
}

bool
rig_calls_were_good(void)
{
	return calls_good;
}

void
rig_calls(struct ca *ca, struct ca_call *calls, size_t count)
{
	bool was_done[64] = { false };
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 30;
	calls_done = 0;
	for (size_t i = 0; i < count; i++) {
		calls[i].done = rig_note_done;
		calls[i].arg = &was_done[i];
		ca_post(ca, &calls[i]);
	}
	pthread_mutex_lock(&calls_lock);
	while (calls_done < count) {
		if (pthread_cond_timedwait(&calls_wake, &calls_lock, &until) != 0)
			die("a call was not done within 30 s");
	}
	pthread_mutex_unlock(&calls_lock);
}

void
rig_call(struct ca *ca, struct ca_call *call)
{
	rig_calls(ca, call, 1);
}
