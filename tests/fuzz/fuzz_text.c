/* fuzz_text.c - the small readers of one word: addresses, networks, times, URLs, base64, UTF-8, names of states and kinds. What has
 * one form only is written as it was read. */
#include <stdlib.h>

#include "acme/status.h"
#include "base/addr.h"
#include "base/b64url.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/utf8.h"
#include "conf/conf.h"
#include "gate/url.h"
#include "jose/jws.h"
#include "keeper/vault.h"
#include "pki/key.h"
#include "store/audit.h"
#include "store/authz.h"
#include "store/device.h"
#include "price/price.h"
#include "store/bill.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
addresses(struct span text)
{
	struct problem pr = { 0 };
	struct addr addr;
	struct net net;
	char back[ADDR_TEXT];

	if (addr_parse(text, &addr) && !span_is(text, addr_text(&addr, back)))
		abort();
	if (!addr_parse_port(text, &addr, &pr) && pr.kind == PROBLEM_NONE)
		abort();
	pr = (struct problem){ 0 };
	if (net_parse(text, &net, &pr)) {
		if (!net_has(&net, &net.base) || net.bits > 128)
			abort();
		nets_allow(&net, 1, &net.base);
	} else if (pr.kind == PROBLEM_NONE) {
		abort();
	}
}

static void
times(struct span text)
{
	int64_t t, again;
	char back[TIME_TEXT], price[PRICE_TEXT];

	if (time_rfc3339_parse(text, &t) && (!time_rfc3339_parse(span_str(time_rfc3339(t, back)), &again) || again != t))
		abort();
	if (time_http_parse(text, &t))
		time_rfc3339(t, back);
	if (time_retry_after(text, 1000000000, &t) && t < 0)
		abort();
	if (conf_time_parse(text, &t) && t < 0)
		abort();
	if (price_parse(text, &t) && (!price_parse(span_str(price_text(t, price)), &again) || again != t))
		abort();
	bill_month_parse(text, &t);
}

static void
codes(struct span text)
{
	AUTO_BUF out = BUF_MAX(1 << 16);
	AUTO_BUF back = BUF_MAX(1 << 17);

	if (b64url_read(text, &out) && (!b64url_add(&back, out.p, out.n) || !span_eq(text, buf_span(&back))))
		abort();
	buf_clear(&out);
	b64_read_lenient(text, &out);
	if (utf8_prefix(text) > text.n)
		abort();
	for (size_t i = 0; i < 4; i++) {
		AUTO_BUF secret = BUF_MAX(1 << 16);

		secret_decode(text, ((const char *const[]){ "raw", "base64", "base64url", "double" })[i], &secret);
	}
}

static void
names(struct span text)
{
	enum account_state account;
	enum order_state order;
	enum authz_state authz;
	enum chall_state chall;
	enum challenge_kind kind;
	enum key_type type;
	enum device_state device;
	enum audit_event event;
	enum log_level level;

	if (account_state_parse(text, &account) && !span_is(text, account_state_name(account)))
		abort();
	if (order_state_parse(text, &order) && !span_is(text, order_state_name(order)))
		abort();
	if (authz_state_parse(text, &authz) && !span_is(text, authz_state_name(authz)))
		abort();
	if (chall_state_parse(text, &chall) && !span_is(text, chall_state_name(chall)))
		abort();
	if (challenge_kind_parse(text, &kind) && !span_is(text, challenge_kind_name(kind)))
		abort();
	if (device_state_parse(text, &device) && !span_is(text, device_state_name(device)))
		abort();
	if (key_type_parse(text, &type) && !span_is(text, key_type_name(type)))
		abort();
	if (jwa_parse(text) != JWA_NONE && !span_is(text, jwa_name(jwa_parse(text))))
		abort();
	log_level_parse(text, &level);
	if (audit_event_parse(text, &event) && !span_is(text, audit_event_name(event)))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_of(data, size);
	struct problem pr = { 0 };
	struct url url;

	addresses(text);
	times(text);
	codes(text);
	names(text);
	if (url_parse(text, &url, &pr)) {
		if (url.host.n == 0 || url.port == 0 || url.host.p < text.p || url.host.p + url.host.n > text.p + text.n)
			abort();
		url_is_loopback(&url);
	} else if (pr.kind == PROBLEM_NONE) {
		abort();
	}
	return 0;
}
