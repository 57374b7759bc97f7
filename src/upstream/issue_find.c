/* issue_find.c - newOrder's answer was lost: look for its order in our account's list (U8; RFC 8555 7.1.2.1). */
#include "upstream/issue.h"

#include "base/log.h"

#define FIND_PAGES_MAX 5
#define FIND_ORDERS_MAX 50

static enum job_next
next_listed(struct issue *is)
{
	struct problem pr = { 0 };
	bool taken = true;

	while (is->listed_at < is->listed.count && is->listed_at < FIND_ORDERS_MAX) {
		const char *url = is->listed.list[is->listed_at++];

		if (!issue_url_taken(is, url, &taken, &pr))
			return issue_store_trouble(is, &pr);
		if (!taken)
			return issue_read_url(is, ISSUE_FIND_LOOK, url);
	}
	if (is->list_url[0] && ++is->pages < FIND_PAGES_MAX)
		return issue_read_url(is, ISSUE_FIND_LIST, is->list_url);
	return issue_order_blindly(is);
}

enum job_next
issue_got_account(struct issue *is)
{
	struct acme_account account = { 0 };
	struct problem pr = { 0 };
	bool listed;

	if (!acme_account_read(ca_call_body(&is->call), &account, &pr))
		return issue_order_blindly(is);
	listed = account.orders && span_copy(span_str(account.orders), is->list_url, sizeof(is->list_url));
	acme_account_done(&account);
	is->pages = 0;
	if (!listed)
		return issue_order_blindly(is);
	return issue_read_url(is, ISSUE_FIND_LIST, is->list_url);
}

enum job_next
issue_got_list(struct issue *is)
{
	struct problem pr = { 0 };

	acme_strings_done(&is->listed);
	is->listed_at = 0;
	if (!acme_orders_read(ca_call_body(&is->call), &is->listed, &pr))
		return issue_order_blindly(is);
	if (!ca_call_link(&is->call, "next", 0, is->list_url))
		is->list_url[0] = '\0';
	return next_listed(is);
}

/* Ours if it has our names and still waits: then nobody else's order is known by this URL. */
enum job_next
issue_got_listed(struct issue *is)
{
	struct problem pr = { 0 };
	char url[URL_TEXT];

	span_copy(span_str(is->call.sent_url), url, sizeof(url));
	if (!issue_read_order(is, &pr) || (is->ca_order.state != ORDER_PENDING && is->ca_order.state != ORDER_READY))
		return next_listed(is);
	if (!issue_ordered(is, url, &pr))
		return issue_store_trouble(is, &pr);
	log_notice("upstream_order_found", LS("order", is->order.ref), LS("upstream", is->u->name), LS("url", url));
	return issue_act(is);
}
