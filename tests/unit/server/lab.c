/* lab.c - see lab.h.
 *
 * JOB_VALIDATE is the lab's own: names that begin with "bad" fail, those that begin with "slow" wait, all others are proven.
 *
 * Variants of a JWS' parts: $P_PAD, $L_PAD, $S_PAD (with "="), $S_NL (a line end inside), $S_DER (ECDSA as DER), $S_SHORT, $S_LONG (one
 * octet less or more), $S_FLIP, $L_OTHER (another payload), $P_OTHER (a member more in the header). */
#include "lab.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../pki/forge.h"
#include "base/b64url.h"
#include "base/log.h"
#include "flow/authz.h"
#include "jose/jws.h"
#include "json/json.h"
#include "store/eab.h"
#include "store/schema.h"
#include "upstream/http01_face.h"
#include "upstream/local.h"

#define VARS_MAX 512
#define ACTORS_MAX 32
#define DEVICE "device:" /* of an identifier that is no name */

static struct {
	char *name, *value;
} vars[VARS_MAX];
static size_t var_count;

struct actor {
	char name[32], alg[16];
	EVP_PKEY *key;
};
static struct actor actors[ACTORS_MAX];
static size_t actor_count;
static struct lab *the_lab;

_Noreturn void
lab_die(const char *what)
{
	printf("Bail out! %s\n", what);
	fflush(stdout);
	_exit(1);
}

/* ---- variables ---- */

void
lab_set(const char *name, const char *value)
{
	for (size_t i = 0; i < var_count; i++) {
		if (strcmp(vars[i].name, name) == 0) {
			char *copy = xstrdup(value);

			free(vars[i].value);
			vars[i].value = copy;
			return;
		}
	}
	if (var_count == VARS_MAX)
		lab_die("too many variables");
	vars[var_count].name = xstrdup(name);
	vars[var_count++].value = xstrdup(value);
}

static const char *
find_var(struct span name)
{
	for (size_t i = 0; i < var_count; i++) {
		if (span_is(name, vars[i].name))
			return vars[i].value;
	}
	return NULL;
}

const char *
lab_var(const char *name)
{
	const char *value = find_var(span_str(name));

	if (!value) {
		printf("# $%s\n", name);
		lab_die("no such variable");
	}
	return value;
}

static void
set_f(const char *value, const char *fmt, const char *name)
{
	char text[80];

	snprintf(text, sizeof(text), fmt, name);
	lab_set(text, value);
}

static void
expand(const char *text, bool all, struct buf *out)
{
	while (*text) {
		size_t plain = strcspn(text, "$"), n = 0;
		char name[64], nonce[REPLAY_NONCE_TEXT];

		buf_add(out, text, plain);
		text += plain;
		if (!*text)
			break;
		text++;
		while (n < sizeof(name) - 1 && (isalnum((unsigned char)*text) || *text == '_'))
			name[n++] = *text++;
		name[n] = '\0';
		if (strcmp(name, "NONCE") == 0)
			buf_adds(out, nonce_make(the_lab->server.nonces, nonce));
		else if (all || find_var(span_str(name)))
			buf_adds(out, lab_var(name));
		else
			buf_addf(out, "$%s", name);
	}
}

void
lab_expand(const char *text, struct buf *out)
{
	expand(text, true, out);
}

void
lab_try_expand(const char *text, struct buf *out)
{
	expand(text, false, out);
}

static char *
expanded(const char *text)
{
	AUTO_BUF out = BUF_MAX(1 << 20);

	lab_expand(text, &out);
	return xstrdup(buf_cstr(&out));
}

const char *
lab_path(const char *url)
{
	size_t n = strlen(the_lab->base);

	if (!url || strncmp(url, the_lab->base, n) != 0)
		lab_die("a URL that does not begin with external_url");
	return url + n;
}

/* ---- actors ---- */

static struct actor *
find_actor(const char *name)
{
	for (size_t i = 0; i < actor_count; i++) {
		if (strcmp(actors[i].name, name) == 0)
			return &actors[i];
	}
	printf("# %s\n", name);
	lab_die("no such actor");
}

EVP_PKEY *
lab_key(const char *actor)
{
	return find_actor(actor)->key;
}

void
lab_actor(const char *name, enum key_type type, const char *alg)
{
	struct actor *a = &actors[actor_count++];
	struct jwk *jwk = NULL;
	AUTO_BUF text = BUF_MAX(8192);
	struct problem pr = { 0 };

	if (actor_count == ACTORS_MAX)
		lab_die("too many actors");
	snprintf(a->name, sizeof(a->name), "%s", name);
	snprintf(a->alg, sizeof(a->alg), "%s", alg);
	if (!key_make(type, &a->key, &pr) || !jwk_from_key(a->key, &jwk, &pr))
		lab_die("key");
	jwk_write(jwk, &text);
	set_f(buf_cstr(&text), "JWK_%s", name);
	set_f(jwk->thumbprint, "KEY_%s", name);
	jwk_free(jwk);
}

/* ---- the server ---- */

/* JOB_VALIDATE */
struct proof {
	struct job *job;
	struct authz authz;
	size_t index;
	bool found;
};

static bool
proof_tx(struct sql *db, void *arg, struct problem *pr)
{
	static const char error[] = "{\"type\":\"" PROBLEM_URN "dns\",\"detail\":\"no such name\",\"status\":400}";
	struct proof *p = arg;
	const char *node = jobs_node(p->job->jobs);
	int64_t now = clock_unix_s();

	authz_done(&p->authz);
	if (!authz_by_challenge_id(db, p->job->row.subject, &p->authz, &p->index, &p->found, pr))
		return false;
	if (!p->found)
		return true;
	if (strncmp(p->authz.ident.value, "slow", 4) == 0)
		return challenge_attempted(db, p->job->row.subject, error, now + 50, pr);
	if (strncmp(p->authz.ident.value, "bad", 3) == 0)
		return authz_fail(db, &p->authz, p->index, error, now, node, pr) && job_delete(db, p->job->row.id, pr);
	return authz_prove(db, &p->authz, p->index, now, now + 8 * 3600, node, pr) && job_delete(db, p->job->row.id, pr);
}

static enum job_next
prove(struct job *job, void *arg)
{
	struct lab *lab = arg;
	struct proof p = { .job = job };
	struct problem pr = { 0 };
	bool slow;

	if (!store_write(lab->store, proof_tx, &p, &pr))
		lab_die(pr.cause);
	slow = p.found && strncmp(p.authz.ident.value, "slow", 4) == 0;
	authz_done(&p.authz);
	job->wait_ms = 50000;
	return slow ? JOB_AGAIN : JOB_DONE;
}

static struct gate_conf *
conf_of(struct lab *lab, const char *text)
{
	struct conf_errors errors = CONF_ERRORS;
	AUTO_FREE char *all = xasprintf("external_url = \"%s\"; state_dir = \"%s\";"
		"upstreams = ( { name = \"own\"; driver = \"local\"; },"
		" { name = \"far\"; driver = \"acme\"; directory = \"https://127.0.0.1:1/dir\"; client_auth = \"no\"; } );"
		"rules = ( { name = \"secret-rule-name\"; action = \"refuse\"; names = [ \"forbidden.test\", \"*.forbidden.test\" ]; say = \"ask the registrar\"; },"
		" { name = \"all\"; names = [ \"*.test\", \"10.0.0.0/8\", \"2001:db8::/32\", \"permanent-identifier:*\" ]; } );\n%s", lab->base, lab->folder, text);
	struct gate_conf *conf = gate_conf_load_text("lab.conf", span_str(all), &errors);

	if (!conf) {
		printf("# %.*s\n", SPAN_FMT(buf_span(&errors.text)));
		lab_die("configuration");
	}
	conf_errors_done(&errors);
	return conf;
}

void
lab_conf(struct lab *lab, const char *conf)
{
	conf_holder_set(lab->conf, conf_of(lab, conf));
}

static int
listen_somewhere(uint16_t *ret_port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || bind(fd, (void *)&sin, n) != 0 || listen(fd, 64) != 0 || getsockname(fd, (void *)&sin, &n) != 0)
		lab_die("no port");
	*ret_port = ntohs(sin.sin_port);
	return fd;
}

static bool
crl_hook(void *arg, const char *name, struct buf *ret_der, bool *ret_found, struct problem *pr)
{
	return local_crl(arg, name, ret_der, ret_found, pr);
}

static void
start_keeper(struct lab *lab)
{
	AUTO_FREE char *master = xasprintf("file:%s/master.key", lab->folder);
	struct problem pr = { 0 };

	if (!keeper_start(&(struct keeper_conf){ .master = master, .create_master = true, .connections = 4, .call_ms = 60000 }, &lab->keeper, &pr))
		lab_die(pr.cause);
}

static void
start_engine(struct lab *lab)
{
	struct upstream_env env;
	struct problem pr = { 0 };

	lab->pool = pool_new(4, 1000);
	lab->loop = loop_new("outbound");
	lab->httpc = httpc_new(lab->loop, NULL);
	lab->jobs = jobs_new(lab->loop, lab->pool, lab->store, "lab");
	env = (struct upstream_env){ lab->store, lab->jobs, lab->keeper, lab->pool, lab->httpc, lab->conf };
	if (!upstreams_open(&env, &lab->ups, &pr))
		lab_die(pr.cause);
	jobs_register(lab->jobs, JOB_VALIDATE, &(struct job_ops){ prove, NULL, lab });
	loop_start(lab->loop);
	if (!jobs_start(lab->jobs, &pr))
		lab_die(pr.cause);
}

void
lab_start(struct lab *lab, const char *conf, const char *store_where)
{
	AUTO_FREE char *own = NULL;
	const char *tmp = getenv("TMPDIR");
	struct httpd_face *face;
	struct problem pr = { 0 };
	int fd;

	memset(lab, 0, sizeof(*lab));
	the_lab = lab;
	lab->fd = -1;
	signal(SIGPIPE, SIG_IGN);
	log_set_level(LOG_ERROR);
	snprintf(lab->folder, sizeof(lab->folder), "%s/acmegate-lab-XXXXXX", tmp && strlen(tmp) < 32 ? tmp : "/tmp");
	if (!mkdtemp(lab->folder))
		lab_die("mkdtemp");
	start_keeper(lab);
	fd = listen_somewhere(&lab->port);
	snprintf(lab->base, sizeof(lab->base), "http://127.0.0.1:%u/acme", lab->port);
	lab_set("BASE", lab->base);
	own = xasprintf("sqlite:%s/lab.db", lab->folder);
	if (!store_open(store_where ? store_where : own, 6, &lab->store, &pr) || !schema_migrate(lab->store, &pr))
		lab_die(pr.cause);
	lab->conf = conf_holder_new(conf_of(lab, conf));
	start_engine(lab);
	lab->server = (struct server){ .store = lab->store, .jobs = lab->jobs, .pool = lab->pool, .conf = lab->conf, .keeper = lab->keeper,
		.nonces = nonce_window_new(), .keys = keycache_new(100), .issue_now = local_issue_now, .issue_now_arg = lab->ups, .count_issued = local_count_issued,
		.crl = crl_hook, .crl_arg = lab->ups, .renewal = renewal_new(lab->store) };
	if (!eab_decoy_make(lab->keeper, &lab->server.decoy, &pr))
		lab_die(pr.cause);
	limits_init(&lab->server.limits);
	server_stats_init(&lab->server.stats);
	lab->httpd = httpd_new(2, &http_default_limits);
	if (!httpd_face_add_fd(lab->httpd, &(struct httpd_face_conf){ .name = "acme", .handler = server_handle, .body_max = server_body_max,
			.refusal = server_refusal, .arg = &lab->server }, fd, &face, &pr))
		lab_die(pr.cause);
	httpd_start(lab->httpd);
}

void
lab_stop(struct lab *lab)
{
	AUTO_FREE char *command = xasprintf("rm -r %s", lab->folder);

	if (lab->fd >= 0)
		close(lab->fd);
	httpd_stop(lab->httpd, 1000);
	jobs_stop(lab->jobs);
	upstreams_stop(lab->ups);
	loop_stop(lab->loop);
	loop_join(lab->loop);
	httpc_free(lab->httpc);
	pool_free(lab->pool);
	httpd_free(lab->httpd);
	jobs_free(lab->jobs);
	upstreams_free(lab->ups);
	loop_free(lab->loop);
	renewal_free(lab->server.renewal);
	nonce_window_free(lab->server.nonces);
	keycache_free(lab->server.keys);
	limits_done(&lab->server.limits);
	server_stats_done(&lab->server.stats);
	buf_done(&lab->server.decoy);
	store_close(lab->store);
	keeper_stop(lab->keeper);
	conf_holder_free(lab->conf);
	for (size_t i = 0; i < var_count; i++) {
		free(vars[i].name);
		free(vars[i].value);
	}
	for (size_t i = 0; i < actor_count; i++)
		EVP_PKEY_free(actors[i].key);
	var_count = actor_count = 0;
	if (system(command) != 0)
		printf("# %s is left\n", lab->folder);
}

void
lab_write(struct lab *lab, sql_fn fn, void *arg)
{
	struct problem pr = { 0 };

	if (!store_write(lab->store, fn, arg, &pr)) {
		printf("# %s (%s)\n", pr.detail, pr.cause);
		lab_die("a transaction of the test failed");
	}
}

static bool
text_tx(struct sql *db, void *arg, struct problem *pr)
{
	return sql_exec(db, arg, pr);
}

void
lab_sql(struct lab *lab, const char *text)
{
	/* statements are kept by the address of their text: it must not be used again for another */
	static char *texts[200];
	static size_t count;

	if (count == COUNT_OF(texts))
		lab_die("too many statements");
	texts[count] = expanded(text);
	lab_write(lab, text_tx, texts[count++]);
}

struct number {
	const char *text;
	int64_t value;
};

static bool
number_tx(struct sql *db, void *arg, struct problem *pr)
{
	struct number *n = arg;
	struct sql_stmt *st = sql_begin(db, n->text);

	n->value = sql_step(st) ? sql_int(st, 0) : -1;
	return sql_end(st, pr);
}

int64_t
lab_number(struct lab *lab, const char *text)
{
	struct number n = { text, -1 };

	lab_write(lab, number_tx, &n);
	return n.value;
}

void
lab_renewal_refresh(struct lab *lab)
{
	struct problem pr = { 0 };
	bool more;

	do {
		if (!renewal_refresh(lab->server.renewal, &more, &pr))
			lab_die(pr.cause);
	} while (more);
}

/* ---- requests ---- */

static void
set_b64(const char *name, const void *p, size_t n)
{
	AUTO_BUF text = BUF_MAX(1 << 20);

	b64url_add(&text, p, n);
	lab_set(name, buf_cstr(&text));
}

static void
set_padded(const char *name, const char *of)
{
	AUTO_FREE char *text = xasprintf("%s=", lab_var(of));

	lab_set(name, text);
}

static void
set_signature(const struct actor *a, const char *alg)
{
	AUTO_FREE char *input = xasprintf("%s.%s", lab_var("P"), lab_var("L"));
	AUTO_BUF raw = BUF_MAX(4096), der = BUF_MAX(4096);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool plain = key_type_of(a->key) == KEY_ED25519;
	struct problem pr = { 0 };
	AUTO_FREE char *broken = NULL;
	size_t n = 1024;

	if (!jws_sign_raw(jwa_parse(span_str(alg)), a->key, span_str(input), &raw, &pr) &&
		!jws_sign_raw(jwa_for_key(a->key), a->key, span_str(input), &raw, &pr))
		lab_die("cannot sign");
	set_b64("S", raw.p, raw.n);
	set_padded("S_PAD", "S");
	broken = xasprintf("%.10s\\n%s", lab_var("S"), lab_var("S") + 10);
	lab_set("S_NL", broken);
	set_b64("S_SHORT", raw.p, raw.n - 1);
	buf_addc(&raw, '\0');
	set_b64("S_LONG", raw.p, raw.n);
	raw.p[3] ^= 1;
	set_b64("S_FLIP", raw.p, raw.n - 1);
	buf_reserve(&der, n);
	if (EVP_DigestSignInit(ctx, NULL, plain ? NULL : EVP_sha256(), NULL, a->key) != 1 ||
		EVP_DigestSign(ctx, (unsigned char *)der.p, &n, (const unsigned char *)input, strlen(input)) != 1)
		lab_die("cannot sign");
	EVP_MD_CTX_free(ctx);
	set_b64("S_DER", der.p, n);
}

/* The parts of the JWS as variables. */
static void
sign(const struct rq *rq)
{
	const struct actor *a = find_actor(rq->by);
	AUTO_FREE char *kid_var = xasprintf("%s_%s", rq->jwk ? "JWK" : "KID", rq->by);
	AUTO_FREE char *signer = rq->jwk ? xasprintf("\"jwk\":%s", lab_var(kid_var)) :
		xasprintf("\"kid\":\"%s\"", find_var(span_str(kid_var)) ? lab_var(kid_var) : "none");
	AUTO_FREE char *header = NULL, *payload = expanded(rq->payload ? rq->payload : ""), *other = NULL;

	lab_set("SIGNER", signer);
	lab_set("ALG", a->alg);
	header = expanded(rq->header ? rq->header : "{\"alg\":\"$ALG\",\"nonce\":\"$NONCE\",\"url\":\"$URL\",$SIGNER}");
	set_b64("P", header, strlen(header));
	set_b64("L", payload, strlen(payload));
	set_padded("P_PAD", "P");
	set_padded("L_PAD", "L");
	other = xasprintf("%.*s,\"x\":1}", (int)(strlen(header) ? strlen(header) - 1 : 0), header);
	set_b64("P_OTHER", other, strlen(other));
	set_b64("L_OTHER", "{\"contact\":[]}", 14);
	set_signature(a, a->alg);
}

static void
connect_lab(struct lab *lab, int *fd)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(lab->port) };
	struct sockaddr_in from = { .sin_family = AF_INET };
	struct timeval tv = { .tv_sec = 20 };

	*fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(*fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	if (lab->from && (inet_pton(AF_INET, lab->from, &from.sin_addr) != 1 || bind(*fd, (void *)&from, sizeof(from)) != 0))
		lab_die("cannot come from there");
	if (connect(*fd, (void *)&sin, sizeof(sin)) != 0)
		lab_die("cannot connect");
}

void
lab_from(struct lab *lab, const char *address)
{
	lab->from = address;
	if (lab->fd >= 0)
		close(lab->fd);
	lab->fd = -1;
}

static bool
send_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);

		if (sent <= 0)
			return false;
		p += sent;
		n -= (size_t)sent;
	}
	return true;
}

/* One whole reply; false at the end of the connection. */
static bool
read_reply(int fd, bool head_only, struct buf *ret)
{
	const char *end = NULL, *length;
	size_t want = 0;

	buf_done(ret);
	*ret = BUF_MAX(4 << 20);
	while (!end || (!head_only && ret->n < want)) {
		ssize_t n;

		if (!buf_reserve(ret, 65536) || (n = recv(fd, ret->p + ret->n, 65536, 0)) <= 0)
			return false;
		ret->n += (size_t)n;
		buf_cstr(ret);
		end = strstr(ret->p, "\r\n\r\n");
		if (!end)
			continue;
		length = strcasestr(ret->p, "\r\nContent-Length: ");
		want = (size_t)(end - ret->p) + 4 + (length && length < end ? strtoul(length + 18, NULL, 10) : 0);
	}
	return true;
}

void
lab_render(struct lab *lab, const struct rq *rq, struct buf *out)
{
	bool raw_target = rq->path[0] == '!';
	AUTO_FREE char *path = expanded(rq->path + raw_target), *url = xasprintf("%s%s", lab->base, path), *body = NULL;

	lab_set("PATH", path);
	lab_set("URL", url);
	if (rq->by)
		sign(rq);
	body = rq->body ? expanded(rq->body) : rq->by ? expanded("{\"protected\":\"$P\",\"payload\":\"$L\",\"signature\":\"$S\"}") : xstrdup("");
	buf_addf(out, "%s %s%s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUser-Agent: lab\r\n", rq->method ? rq->method : "POST",
		raw_target ? "" : "/acme", path, lab->port);
	if (!rq->type || rq->type[0])
		buf_addf(out, "Content-Type: %s\r\n", rq->type ? rq->type : "application/jose+json");
	buf_adds(out, rq->fields ? rq->fields : "");
	buf_addf(out, "Content-Length: %zu\r\n\r\n%s", strlen(body), body);
	if (!buf_ok(out))
		lab_die("request too large");
}

void
lab_send(struct lab *lab, const struct rq *rq, struct buf *ret)
{
	AUTO_BUF text = BUF_MAX(1 << 20);
	bool head_only = rq->method && strcmp(rq->method, "HEAD") == 0;

	lab_render(lab, rq, &text);
	for (int i = 0; i < 2; i++) {
		if (lab->fd < 0)
			connect_lab(lab, &lab->fd);
		if (send_all(lab->fd, text.p, text.n) && read_reply(lab->fd, head_only, ret)) {
			if (reply_has_field(ret, "Connection", "close")) {
				close(lab->fd);
				lab->fd = -1;
			}
			return;
		}
		close(lab->fd);
		lab->fd = -1;
	}
	printf("# %s %s\n", rq->method ? rq->method : "POST", lab_var("PATH"));
	lab_die("no reply");
}

void
lab_raw(struct lab *lab, const char *text, size_t n, struct buf *ret)
{
	int fd;

	connect_lab(lab, &fd);
	send_all(fd, text, n);
	if (!read_reply(fd, false, ret))
		buf_clear(ret);
	close(fd);
}

void
lab_post(struct lab *lab, const char *by, const char *path, const char *payload, struct buf *ret)
{
	lab_send(lab, &(struct rq){ .path = path, .by = by, .payload = payload }, ret);
}

int
lab_get(struct lab *lab, const char *path, const char *fields, struct buf *ret)
{
	lab_send(lab, &(struct rq){ .method = "GET", .path = path, .type = "", .fields = fields, .body = "" }, ret);
	return reply_status(ret);
}

static void
must_be(const struct buf *reply, int status, const char *what)
{
	if (reply_status(reply) == status)
		return;
	printf("# %s: %.2000s\n", what, reply->p);
	lab_die("scaffolding failed");
}

void
lab_register(struct lab *lab, const char *actor)
{
	AUTO_BUF reply = BUF_MAX(1 << 20);

	lab_send(lab, &(struct rq){ .path = "/new-account", .by = actor, .jwk = true, .payload = "{\"termsOfServiceAgreed\":true}" }, &reply);
	must_be(&reply, 201, "newAccount");
	set_f(reply_field(&reply, "Location", 0), "KID_%s", actor);
}

void
lab_order(struct lab *lab, const char *by, const char *name, const char *idents, const char *more)
{
	AUTO_BUF payload = BUF_MAX(65536), reply = BUF_MAX(1 << 20), authz = BUF_MAX(1 << 20);
	struct span rest = span_str(idents), one;
	char where[64];

	buf_adds(&payload, "{\"identifiers\":[");
	while (span_cut(&rest, ',', &one)) {
		const char *type = span_starts(one, DEVICE) ? "permanent-identifier" : "dns";

		buf_addf(&payload, "%s{\"type\":\"%s\",\"value\":\"%.*s\"}", one.p == idents ? "" : ",", type,
			SPAN_FMT(span_starts(one, DEVICE) ? span_from(one, strlen(DEVICE)) : one));
	}
	buf_addf(&payload, "]%s%s}", more ? "," : "", more ? more : "");
	lab_post(lab, by, "/new-order", buf_cstr(&payload), &reply);
	must_be(&reply, 201, "newOrder");
	lab_set(name, lab_path(reply_field(&reply, "Location", 0)));
	for (int i = 0;; i++) {
		AUTO_FREE char *path = NULL;
		char var[80];
		const char *url;

		snprintf(where, sizeof(where), "authorizations.%d", i);
		url = reply_get(&reply, where);
		if (!url)
			break;
		path = xstrdup(lab_path(url));
		snprintf(var, sizeof(var), "%s_AUTHZ%d", name, i);
		lab_set(var, path);
		lab_post(lab, by, path, NULL, &authz);
		must_be(&authz, 200, "authorization");
		snprintf(var, sizeof(var), "%s_CHALL%d", name, i);
		lab_set(var, lab_path(reply_get(&authz, "challenges.0.url")));
	}
}

void
lab_prove(struct lab *lab, const char *by, const char *name, const char *want)
{
	AUTO_BUF reply = BUF_MAX(1 << 20);
	char var[80];

	for (int i = 0;; i++) {
		snprintf(var, sizeof(var), "%s_CHALL%d", name, i);
		if (!find_var(span_str(var)))
			break;
		lab_post(lab, by, lab_var(var), "{}", &reply);
		must_be(&reply, 200, "challenge");
	}
	for (int i = 0; i < 2000; i++) {
		lab_post(lab, by, lab_var(name), NULL, &reply);
		must_be(&reply, 200, "order");
		if (strcmp(reply_get(&reply, "status"), want) == 0)
			return;
		usleep(2000);
	}
	printf("# %s is %s\n", name, reply_get(&reply, "status"));
	lab_die("order did not become what it should");
}

void
lab_csr(const char *name, EVP_PKEY *key, const char *idents)
{
	AUTO_BUF san = BUF_MAX(65536);
	struct span rest = span_str(idents), one, der;
	const char *exts[FORGE_EXTS] = { NULL };

	buf_adds(&san, "subjectAltName=");
	while (span_cut(&rest, ',', &one))
		buf_addf(&san, "%sDNS:%.*s", one.p == idents ? "" : ",", SPAN_FMT(one));
	exts[0] = buf_cstr(&san);
	der = forge_csr(key, NULL, exts);
	set_b64(name, der.p, der.n);
	forge_free(der);
}

void
lab_finalize(struct lab *lab, const char *by, const char *name, const char *idents)
{
	AUTO_FREE char *path = xasprintf("%s/finalize", lab_var(name)), *var = xasprintf("%s_CERT", name);
	AUTO_BUF reply = BUF_MAX(1 << 20);
	AUTO_PKEY *key = NULL;
	struct problem pr = { 0 };

	if (!key_make(KEY_P256, &key, &pr))
		lab_die("key");
	lab_csr("CSR", key, idents);
	lab_post(lab, by, path, "{\"csr\":\"$CSR\"}", &reply);
	must_be(&reply, 200, "finalize");
	lab_set(var, lab_path(reply_get(&reply, "certificate")));
}

/* ---- external account binding ---- */

#define EAB_SECRET "kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"

static bool
eab_tx(struct sql *db, void *arg, struct problem *pr)
{
	return eab_insert(db, arg, pr);
}

void
lab_eab_key(struct lab *lab, const char *kid)
{
	struct eab_key key = { .sealed = BUF_MAX(8192) };
	struct problem pr = { 0 };

	snprintf(key.kid, sizeof(key.kid), "%s", kid);
	if (!keeper_seal(lab->keeper, PURPOSE_EAB_DEVICE, span_str(kid), SPAN(EAB_SECRET), &key.sealed, &pr))
		lab_die(pr.cause);
	lab_write(lab, eab_tx, &key);
	eab_key_done(&key);
}

void
lab_eab(const struct eab_jws *e)
{
	AUTO_FREE char *jwk = xasprintf("$JWK_%s", e->actor);
	AUTO_FREE char *header = NULL, *payload = expanded(e->payload ? e->payload : jwk);
	AUTO_BUF input = BUF_MAX(65536), mac = BUF_MAX(1000), out = BUF_MAX(65536);
	struct problem pr = { 0 };

	lab_set("EAB_KID", e->kid);
	lab_set("EAB_URL", e->url);
	header = expanded(e->header ? e->header : "{\"alg\":\"HS256\",\"kid\":\"$EAB_KID\",\"url\":\"$BASE$EAB_URL\"}");
	jws_input_write(&input, span_str(header), span_str(payload));
	if (!jws_mac_raw(e->alg ? jwa_parse(span_str(e->alg)) : JWA_HS256, SPAN(EAB_SECRET), buf_span(&input), &mac, &pr))
		lab_die(pr.cause);
	if (e->wrong_mac)
		mac.p[0] ^= 1;
	jws_assemble(&out, buf_span(&input), buf_span(&mac));
	lab_set(e->name, buf_cstr(&out));
}

/* ---- replies ---- */

static char *
keep(struct span s)
{
	static char *kept[32];
	static unsigned at;

	at = (at + 1) % COUNT_OF(kept);
	free(kept[at]);
	kept[at] = span_dup(s);
	return kept[at];
}

int
reply_status(const struct buf *reply)
{
	return reply->n > 12 ? atoi(reply->p + 9) : 0;
}

const char *
reply_field(const struct buf *reply, const char *name, unsigned nth)
{
	const char *at = reply->p, *end = reply->n ? strstr(reply->p, "\r\n\r\n") : NULL;
	size_t n = strlen(name);

	while (end && (at = strstr(at, "\r\n")) && at < end) {
		at += 2;
		if (strncasecmp(at, name, n) == 0 && at[n] == ':' && nth-- == 0)
			return keep(span_trim(span_of(at + n + 1, strcspn(at + n + 1, "\r"))));
	}
	return NULL;
}

bool
reply_has_field(const struct buf *reply, const char *name, const char *value)
{
	const char *got;

	for (unsigned i = 0; (got = reply_field(reply, name, i)); i++) {
		if (strcmp(got, value) == 0)
			return true;
	}
	return false;
}

struct span
reply_body(const struct buf *reply)
{
	const char *end = reply->n ? strstr(reply->p, "\r\n\r\n") : NULL;

	return end ? span_from(buf_span(reply), (size_t)(end - reply->p) + 4) : SPAN_NONE;
}

const char *
reply_get(const struct buf *reply, const char *where)
{
	struct span rest = span_str(where), part;
	struct json *doc = NULL;
	struct problem pr = { 0 };
	const struct json_node *node;
	AUTO_BUF text = BUF_MAX(1 << 20);
	const char *got = NULL;

	if (!json_parse(reply_body(reply), "reply", NULL, &doc, &pr))
		return NULL;
	node = json_root(doc);
	while (node && span_cut(&rest, '.', &part)) {
		AUTO_FREE char *name = span_dup(part);

		node = json_type(node) == JSON_ARRAY ? json_at(node, strtoul(name, NULL, 10)) : json_get(node, name);
	}
	if (node && json_type(node) == JSON_STRING) {
		got = keep(json_text(node));
	} else if (node) {
		json_write(node, &text);
		got = keep(buf_span(&text));
	}
	json_free(doc);
	return got;
}

static bool
blame(bool good, const char *what)
{
	if (!good)
		printf("# %s\n", what);
	return good;
}

/* W25, W26: what every refusal has. */
bool
reply_is_problem(const struct buf *reply, const char *type, int status, bool post)
{
	AUTO_FREE char *urn = xasprintf(PROBLEM_URN "%s", type), *index = xasprintf("<%s/directory>;rel=\"index\"", the_lab->base);
	AUTO_FREE char *code = xasprintf("%d", status), *length = xasprintf("%zu", reply_body(reply).n);
	const char *detail = reply_get(reply, "detail"), *got_type = reply_get(reply, "type");
	bool good = blame(reply_status(reply) == status, "another HTTP status");

	good &= blame(got_type && strcmp(got_type, urn) == 0, "another type");
	good &= blame(reply_get(reply, "status") && strcmp(reply_get(reply, "status"), code) == 0, "status of the document is not that of the reply");
	good &= blame(detail && detail[0] && strlen(detail) <= 512, "no detail, or a long one");
	good &= blame(reply_has_field(reply, "Content-Type", "application/problem+json"), "Content-Type is not application/problem+json");
	good &= blame(!reply_field(reply, "Content-Type", 1), "Content-Type twice");
	good &= blame(reply_has_field(reply, "Content-Length", length) && !reply_field(reply, "Transfer-Encoding", 0), "Content-Length");
	good &= blame(reply_has_field(reply, "Link", index), "no Link rel=index");
	good &= blame(reply_has_field(reply, "Cache-Control", "no-store"), "no Cache-Control: no-store");
	good &= blame((reply_field(reply, "Replay-Nonce", 0) != NULL) == post, post ? "no Replay-Nonce" : "a Replay-Nonce nobody asked for");
	good &= blame(!reply_field(reply, "Replay-Nonce", 1), "two nonces");
	if (status == 405)
		good &= blame(reply_field(reply, "Allow", 0) != NULL, "no Allow");
	if (strcmp(type, "badSignatureAlgorithm") == 0)
		good &= blame(reply_get(reply, "algorithms") && strstr(reply_get(reply, "algorithms"), "\"ES256\""), "no algorithms");
	if (strcmp(type, "badNonce") == 0)
		good &= blame(detail && strcmp(detail, "JWS has an invalid anti-replay nonce") == 0, "detail that acme.sh does not know (W2)");
	if (!good)
		printf("# %.*s\n", (int)(reply->n < 1500 ? reply->n : 1500), reply->p);
	return good;
}
