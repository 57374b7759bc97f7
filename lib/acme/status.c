/* status.c - see status.h. */
#include "acme/status.h"

#include "base/mem.h"

static const char *const account_names[ACCOUNT__COUNT] = {
	[ACCOUNT_VALID] = "valid",
	[ACCOUNT_DEACTIVATED] = "deactivated",
	[ACCOUNT_REVOKED] = "revoked",
};

static const char *const order_names[ORDER__COUNT] = {
	[ORDER_PENDING] = "pending",
	[ORDER_READY] = "ready",
	[ORDER_PROCESSING] = "processing",
	[ORDER_VALID] = "valid",
	[ORDER_INVALID] = "invalid",
};

static const char *const authz_names[AUTHZ__COUNT] = {
	[AUTHZ_PENDING] = "pending",
	[AUTHZ_VALID] = "valid",
	[AUTHZ_INVALID] = "invalid",
	[AUTHZ_DEACTIVATED] = "deactivated",
	[AUTHZ_EXPIRED] = "expired",
	[AUTHZ_REVOKED] = "revoked",
};

static const char *const chall_names[CHALL__COUNT] = {
	[CHALL_PENDING] = "pending",
	[CHALL_PROCESSING] = "processing",
	[CHALL_VALID] = "valid",
	[CHALL_INVALID] = "invalid",
};

/* Index of the name in the table, or `count`. */
static size_t
find(const char *const *names, size_t count, struct span name)
{
	size_t i = 0;

	while (i < count && !span_is(name, names[i]))
		i++;
	return i;
}

const char *
account_state_name(enum account_state s)
{
	return account_names[s];
}

const char *
order_state_name(enum order_state s)
{
	return order_names[s];
}

const char *
authz_state_name(enum authz_state s)
{
	return authz_names[s];
}

const char *
chall_state_name(enum chall_state s)
{
	return chall_names[s];
}

bool
account_state_parse(struct span name, enum account_state *ret)
{
	size_t i = find(account_names, COUNT_OF(account_names), name);

	if (i == COUNT_OF(account_names))
		return false;
	*ret = (enum account_state)i;
	return true;
}

bool
order_state_parse(struct span name, enum order_state *ret)
{
	size_t i = find(order_names, COUNT_OF(order_names), name);

	if (i == COUNT_OF(order_names))
		return false;
	*ret = (enum order_state)i;
	return true;
}

bool
authz_state_parse(struct span name, enum authz_state *ret)
{
	size_t i = find(authz_names, COUNT_OF(authz_names), name);

	if (i == COUNT_OF(authz_names))
		return false;
	*ret = (enum authz_state)i;
	return true;
}

bool
chall_state_parse(struct span name, enum chall_state *ret)
{
	size_t i = find(chall_names, COUNT_OF(chall_names), name);

	if (i == COUNT_OF(chall_names))
		return false;
	*ret = (enum chall_state)i;
	return true;
}

bool
order_state_is_final(enum order_state s)
{
	return s == ORDER_VALID || s == ORDER_INVALID;
}

bool
authz_state_is_final(enum authz_state s)
{
	return s != AUTHZ_PENDING;
}
