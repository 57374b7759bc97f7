/* transfer.c - see transfer.h.
 *
 * A transfer is one or more tries. A try ends in transfer_again, which asks for another one when
 *   - the kept connection that libcurl chose turned out to be closed or not allowed, before
 *     anything was sent, or
 *   - TCP to a pinned address failed and there is a next one;
 * otherwise transfer_judge turns libcurl's answer into an httpc_result. What decides between
 * "nothing was sent" and "may have been received" is on_prereq, which libcurl calls when the
 * connection is ready (TLS and proxy included) and right before it sends.
 *
 * Deadlines. A transfer waits while there are as many connections as may be, or one that may come
 * to speak HTTP/2 is being made. libcurl does not count that as time to connect, and tells nobody
 * of it: the wait is over when it asks for an address or a socket (dial), or has a kept connection
 * (on_prereq). Our timer ends the wait and the whole, libcurl's the time to connect.
 *
 * Sending twice. libcurl 7.88 (Curl_retry_request) sends a request again by itself, on another
 * connection, when a *reused* connection ended without one octet of reply, or when an HTTP/2
 * server refused the stream. In the first case the server may well have acted: the same JWS again
 * would come back as badNonce, the ACME client would sign anew, and one order would become two.
 * So on_prereq refuses a second sending unless the method is idempotent. To make that rare,
 * on_prereq also looks whether the kept connection has something to read: an idle HTTP/1.1
 * connection with pending octets (TLS close_notify, which libcurl's own check takes for life) or
 * end of file is being closed, and we start over on a new one with nothing sent. What remains is
 * the true race, a server that closes while the request is on its way. */
#include "httpc/transfer.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "httpc/head.h"

#define CA_CACHE_S 3600L

/* May a server act twice on it without harm (RFC 9110 section 9.2.2)? */
static bool
is_idempotent(const struct transfer *t)
{
	return strcmp(t->method, "GET") == 0 || strcmp(t->method, "HEAD") == 0;
}

static bool
may_connect(struct transfer *t, const struct addr *a)
{
	if (!t->reach || reach_allows(t->reach, a))
		return true;
	t->denied = *a;
	return false;
}

/* The wait for a connection is over. */
static void
wait_end(struct transfer *t)
{
	if (!t->waits)
		return;
	t->waits = false;
	if (t->queue_ms < t->total_ms)
		timer_set(t->deadline, transfer_left_ms(t));
}

static void
dial(struct transfer *t)
{
	wait_end(t);
	if (!t->dial_ms)
		t->dial_ms = clock_ms();
}

static int
on_resolve(void *resolver, void *reserved, void *arg)
{
	(void)resolver;
	(void)reserved;
	dial(arg);
	return 0;
}

static curl_socket_t
on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *sa)
{
	struct transfer *t = arg;
	struct addr a;
	int fd;

	(void)purpose;
	dial(t);
	addr_from_sockaddr(&sa->addr, &a);
	if (!may_connect(t, &a))
		return CURL_SOCKET_BAD;
	t->dialed = true;
	fd = socket(sa->family, sa->socktype | SOCK_CLOEXEC, sa->protocol);
	if (fd < 0)
		return CURL_SOCKET_BAD;
	t->opened++;
	sockets_add(t->sockets, fd);
	atomic_fetch_add_explicit(t->connections, 1, memory_order_relaxed);
	return fd;
}

static int
on_close(void *arg, curl_socket_t fd)
{
	sockets_remove(arg, fd);
	return close(fd);
}

/* libcurl calls this when TCP (and the proxy's tunnel) is ready and TLS begins. */
static CURLcode
on_handshake(CURL *easy, void *ssl_ctx, void *arg)
{
	struct transfer *t = arg;

	(void)easy;
	(void)ssl_ctx;
	t->handshake = true;
	return CURLE_OK;
}

static struct addr
addr_of(const char *ip, int port)
{
	struct addr a = { 0 };

	if (addr_parse(span_str(ip), &a))
		a.port = (uint16_t)port;
	return a;
}

static bool
is_closing(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLRDHUP };

	return fd >= 0 && poll(&p, 1, 0) != 0;
}

static int
on_prereq(void *arg, char *ip, char *local_ip, int port, int local_port)
{
	struct addr remote = addr_of(ip, port), local = addr_of(local_ip, local_port);
	struct transfer *t = arg;

	if (t->began && !is_idempotent(t)) {
		t->resend = true;
		return CURL_PREREQFUNC_ABORT;
	}
	/* A kept connection was opened by another request, maybe under other rules. HTTP/2
	 * connections have much to read while idle, and libcurl reads that itself before it
	 * chooses one. */
	if (t->opened == 0 &&
		(!may_connect(t, &remote) ||
			(!t->http2 && is_closing(sockets_find(t->sockets, &local, &remote))))) {
		t->stale = true;
		return CURL_PREREQFUNC_ABORT;
	}
	t->began = true;
	wait_end(t);
	t->reply.connected = remote;
	return CURL_PREREQFUNC_OK;
}

/* "HTTP/1.1 200 OK", "HTTP/2 103": is it the final one? */
static bool
is_final_status(struct span line)
{
	struct span version;

	return span_cut(&line, ' ', &version) && line.n > 0 && line.p[0] != '1';
}

/* Each interim reply (1xx) has a head of its own; trailers come when the final head is complete. */
static size_t
on_head(char *p, size_t size, size_t count, void *arg)
{
	struct transfer *t = arg;
	struct span line = span_of(p, size * count);

	if (t->head_final && !t->head_open)
		return line.n;
	if (!t->head_open) {
		t->head_open = true;
		t->head_kept = false;
		t->head_final = is_final_status(line);
		buf_clear(&t->reply.head);
		return line.n;
	}
	if (span_is(line, "\r\n") || span_is(line, "\n"))
		t->head_open = false;
	else if (!head_add(&t->reply.head, line, &t->head_kept))
		return 0;
	return line.n;
}

static size_t
on_body(char *p, size_t size, size_t count, void *arg)
{
	struct transfer *t = arg;

	return buf_add(&t->reply.body, p, size * count) ? size * count : 0;
}

static void
field_add(struct transfer *t, const char *name, const char *value)
{
	AUTO_FREE char *line = value ? xasprintf("%s: %s", name, value) : xasprintf("%s:", name);
	struct curl_slist *more = curl_slist_append(t->fields, line);

	if (!more)
		abort();
	t->fields = more;
}

static void
set_request(struct transfer *t, CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_URL, t->url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	if (strcmp(t->method, "HEAD") == 0) {
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	} else if (strcmp(t->method, "POST") == 0 || t->body_n > 0) {
		curl_easy_setopt(easy, CURLOPT_POST, 1L);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, t->body ? t->body : "");
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->body_n);
	}
	if (strcmp(t->method, "GET") != 0 && strcmp(t->method, "HEAD") != 0 &&
		strcmp(t->method, "POST") != 0)
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, t->method);

	field_add(t, "Accept", t->accept ? t->accept : "*/*");
	field_add(t, "Accept-Language", "en"); /* RFC 8555 section 6.1 */
	if (t->authorization)
		field_add(t, "Authorization", t->authorization);
	for (size_t i = 0; i < HTTPC_FIELDS_MAX && t->field_names[i]; i++)
		field_add(t, t->field_names[i], t->field_values[i]);
	field_add(t, "Content-Type", t->content_type); /* NULL: libcurl's own is left out */
	field_add(t, "Expect", NULL);
	if (t->host_header)
		field_add(t, "Host", t->host_header);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, t->fields);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, t->user_agent);
}

const char *
httpc_system_anchors(void)
{
	return curl_version_info(CURLVERSION_NOW)->cainfo;
}

/* With a folder of anchors libcurl would not keep the parsed ones (CURLOPT_CA_CACHE_TIMEOUT),
 * and with our own file the system's folder would be searched as well. */
static void
set_anchors(struct transfer *t, CURL *easy)
{
	const char *file = t->ca_file ? t->ca_file : httpc_system_anchors();

	if (file) {
		curl_easy_setopt(easy, CURLOPT_CAINFO, file);
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	}
	curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, CA_CACHE_S);
}

static bool
is_https(const char *url)
{
	return strncasecmp(url, "https://", 8) == 0;
}

static void
set_connection(struct transfer *t, CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, t);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
	/* outlives the transfer, as a kept connection does */
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, t->sockets);
	curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_prereq);
	curl_easy_setopt(easy, CURLOPT_PREREQDATA, t);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	/* or removing a handle would wait for its thread in getaddrinfo */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY, t->proxy ? t->proxy : "");
	curl_easy_setopt(easy, CURLOPT_NOPROXY, ""); /* not $no_proxy */
	curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, t->fresh || t->only_new ? 1L : 0L);
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, t->fresh ? 1L : 0L);
	curl_easy_setopt(easy, CURLOPT_CONNECT_TO, t->connect_to);

	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, t->tls_no_verify ? 0L : 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, t->tls_no_verify ? 0L : 2L);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, on_handshake);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, t);
	set_anchors(t, easy);

	curl_easy_setopt(easy, CURLOPT_RESOLVER_START_FUNCTION, on_resolve);
	curl_easy_setopt(easy, CURLOPT_RESOLVER_START_DATA, t);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
		(long)(t->http2 ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_1_1));
	/* only TLS tells before the first reply whether it is HTTP/2 */
	curl_easy_setopt(easy, CURLOPT_PIPEWAIT, t->http2 && is_https(t->url) ? 1L : 0L);
	curl_easy_setopt(easy, CURLOPT_HTTP09_ALLOWED, 0L);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
}

static void
set_reply(struct transfer *t, CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_head);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->error);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, t);
}

msec_t
transfer_left_ms(const struct transfer *t)
{
	msec_t now = clock_ms(), total = t->started_ms + t->total_ms, queue = t->queued_ms + t->queue_ms;
	msec_t end = t->waits && queue < total ? queue : total;

	return end > now ? end - now : 0;
}

/* A try at one of several pins gets an equal part of the time that is left for all of them. */
static void
set_times(struct transfer *t, CURL *easy)
{
	msec_t connect_ms = t->connect_ms - t->dialed_ms;
	msec_t total_ms = t->started_ms + t->total_ms - clock_ms();

	if (t->pin_count > t->pin_at)
		connect_ms /= (msec_t)(t->pin_count - t->pin_at);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)(connect_ms > 1 ? connect_ms : 1));
	/* after our own deadline, which then always decides */
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)(total_ms > 0 ? total_ms : 0) + 1000L);
}

/* The first allowed one from there on; pin_count if there is none. */
static size_t
pin_from(struct transfer *t, size_t at)
{
	while (at < t->pin_count && !may_connect(t, &t->pins[at]))
		at++;
	return at;
}

/* Pins go by CONNECT_TO, one a try: unlike entries of CURLOPT_RESOLVE they do not enter the
 * multi's shared DNS cache, and libcurl keeps such connections apart from those to the name's
 * own addresses. */
static void
set_pin(struct transfer *t)
{
	const struct addr *pin = &t->pins[t->pin_at];
	const char *form = pin->family == AF_INET6 ? "::[%s]:" : "::%s:";
	char text[ADDR_TEXT], entry[ADDR_TEXT + 16];
	int n = snprintf(entry, sizeof(entry), form, addr_text(pin, text));

	if (pin->port)
		snprintf(entry + n, sizeof(entry) - (size_t)n, "%u", pin->port);
	t->connect_to = curl_slist_append(NULL, entry);
	if (!t->connect_to)
		abort();
}


bool
transfer_prepare(struct transfer *t, CURL *easy)
{
	curl_slist_free_all(t->fields);
	curl_slist_free_all(t->connect_to);
	t->fields = t->connect_to = NULL;
	t->dialed_ms += t->dial_ms ? clock_ms() - t->dial_ms : 0;
	t->dial_ms = 0;
	t->queued_ms = clock_ms();
	t->waits = true;
	t->opened = 0;
	t->stale = t->handshake = t->head_open = t->head_final = false;
	t->error[0] = '\0';
	if (!is_https(t->url) && strncasecmp(t->url, "http://", 7) != 0) {
		snprintf(t->error, sizeof(t->error), "not an http or https URL");
		return false;
	}
	if (t->pin_count > 0 && t->proxy) {
		snprintf(t->error, sizeof(t->error),
			"a pinned address and a proxy exclude each other");
		return false;
	}
	if (t->pin_count > 0) {
		t->pin_at = pin_from(t, t->pin_at);
		if (t->pin_at == t->pin_count)
			return false;
		set_pin(t);
	}
	set_request(t, easy);
	set_connection(t, easy);
	set_reply(t, easy);
	set_times(t, easy);
	return true;
}

bool
transfer_again(struct transfer *t, CURLcode code)
{
	if (t->stale && (!t->began || is_idempotent(t))) {
		t->only_new = true;
		return true;
	}
	if (code == CURLE_OK || t->began || t->pin_count == 0 || t->handshake ||
		pin_from(t, t->pin_at + 1) == t->pin_count)
		return false;
	t->pin_at++;
	return true;
}

/* Where it was when its time was over. */
static enum httpc_result
result_of_deadline(const struct transfer *t)
{
	if (t->began)
		return HTTPC_TIMEOUT;
	if (t->handshake)
		return HTTPC_TLS;
	if (t->waits)
		return HTTPC_BUSY;
	return t->opened ? HTTPC_CONNECT : HTTPC_DNS;
}

static enum httpc_result
result_before_sending(struct transfer *t, CURLcode code)
{
	if (t->denied.family && !t->dialed)
		return HTTPC_DENIED;
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		return HTTPC_DNS;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_ENGINE_INITFAILED:
		return HTTPC_TLS;
	case CURLE_OPERATION_TIMEDOUT:
		return result_of_deadline(t);
	default:
		return HTTPC_CONNECT;
	}
}

static void
reply_fill(struct transfer *t)
{
	struct httpc_reply *rp = &t->reply;
	long status = 0, port = 0;
	char *ip = NULL;

	rp->took_ms = clock_ms() - t->started_ms;
	if (!t->easy)
		return;
	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	rp->status = t->began ? (int)status : 0;
	/* on_prereq knows better, but does not come when TLS fails */
	if (!t->began && t->handshake &&
		curl_easy_getinfo(t->easy, CURLINFO_PRIMARY_IP, &ip) == CURLE_OK && ip &&
		addr_parse(span_str(ip), &rp->connected) &&
		curl_easy_getinfo(t->easy, CURLINFO_PRIMARY_PORT, &port) == CURLE_OK)
		rp->connected.port = (uint16_t)port;
}

static void
reply_explain(struct transfer *t, const char *text)
{
	snprintf(t->reply.error, sizeof(t->reply.error), "%.*s", (int)sizeof(t->reply.error) - 1,
		text);
}

void
transfer_judge(struct transfer *t, CURLcode code)
{
	struct httpc_reply *rp = &t->reply;
	char text[ADDR_TEXT], denied[ADDR_TEXT + 40];

	reply_fill(t);
	if (code == CURLE_OK)
		rp->result = HTTPC_OK;
	else if (!buf_ok(&rp->body) || !buf_ok(&rp->head))
		rp->result = HTTPC_TOO_LARGE;
	else if (!t->began)
		rp->result = result_before_sending(t, code);
	else
		rp->result = code == CURLE_OPERATION_TIMEDOUT ? HTTPC_TIMEOUT : HTTPC_BROKEN;

	if (rp->result == HTTPC_DENIED) {
		snprintf(denied, sizeof(denied), "%s is not in an allowed network",
			addr_text(&t->denied, text));
		reply_explain(t, denied);
	} else if (rp->result == HTTPC_TOO_LARGE) {
		reply_explain(
			t, buf_ok(&rp->body) ? "the head is too long" : "the body is too long");
	} else if (t->resend) {
		reply_explain(t, "a kept connection ended before the reply");
	} else if (rp->result != HTTPC_OK) {
		reply_explain(t, t->error[0] ? t->error : curl_easy_strerror(code));
	}
}

void
transfer_judge_deadline(struct transfer *t)
{
	reply_fill(t);
	t->reply.result = result_of_deadline(t);
	reply_explain(t, t->began ? "no complete reply before the deadline" :
			t->waits ? "no connection was free before the deadline" :
				   "no connection before the deadline");
}
