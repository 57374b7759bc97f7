/* Where each event leads from each state (RFC 8555 7.1.6), as a matrix to read: "-" is refused. */
#include "flow/authz.h"
#include "tap.h"

static const char *const order_matrix[] = {
	/* clang-format off */
	"              all-authorizations-valid  authorization-dead  finalize    issued  refused  expired  account-deactivated",
	"pending       ready                     invalid             -           -       -        invalid  invalid",
	"ready         -                         invalid             processing  -       invalid  invalid  invalid",
	"processing    -                         -                   -           valid   invalid  invalid  invalid",
	"valid         -                         -                   -           -       -        -        -",
	"invalid       -                         -                   -           -       -        -        -",
	/* clang-format on */
};

static const char *const authz_matrix[] = {
	/* clang-format off */
	"              proven  failed   deactivate   expired  revoke",
	"pending       valid   invalid  deactivated  expired  -",
	"valid         -       -        deactivated  expired  revoked",
	"invalid       -       -        -            -        -",
	"deactivated   -       -        -            -        -",
	"expired       -       -        -            -        -",
	"revoked       -       -        -            -        -",
	/* clang-format on */
};

/* The next word of a row; "" at its end. */
static void
word(const char **at, char dst[40])
{
	size_t n;

	*at += strspn(*at, " ");
	n = strcspn(*at, " ");
	snprintf(dst, 40, "%.*s", (int)n, *at);
	*at += n;
}

static void
test_orders(void)
{
	const char *head = order_matrix[0];
	char event[ORDER_EV__COUNT][40], cell[40];

	is_int(COUNT_OF(order_matrix), ORDER__COUNT + 1, "the matrix of orders has a row per state");
	for (int ev = 0; ev < ORDER_EV__COUNT; ev++) {
		word(&head, event[ev]);
		is_str(order_event_name((enum order_event)ev), event[ev], "order event %d is called %s", ev, event[ev]);
	}
	for (int from = 0; from < ORDER__COUNT; from++) {
		const char *row = order_matrix[from + 1];

		word(&row, cell);
		is_str(order_state_name((enum order_state)from), cell, "order state %d is called %s", from, cell);
		for (int ev = 0; ev < ORDER_EV__COUNT; ev++) {
			enum order_state to = ORDER__COUNT;
			bool moves = order_rule((enum order_state)from, (enum order_event)ev, &to);

			word(&row, cell);
			is_str(moves ? order_state_name(to) : "-", cell, "order: %s, %s -> %s",
				order_state_name((enum order_state)from), event[ev], cell);
			if (!moves)
				ok(to == ORDER__COUNT, "and nothing is written where there is no rule");
		}
	}
}

static void
test_authzs(void)
{
	const char *head = authz_matrix[0];
	char event[AUTHZ_EV__COUNT][40], cell[40];

	is_int(COUNT_OF(authz_matrix), AUTHZ__COUNT + 1, "the matrix of authorizations has a row per state");
	for (int ev = 0; ev < AUTHZ_EV__COUNT; ev++)
		word(&head, event[ev]);
	for (int from = 0; from < AUTHZ__COUNT; from++) {
		const char *row = authz_matrix[from + 1];

		word(&row, cell);
		is_str(authz_state_name((enum authz_state)from), cell, "authorization state %d is called %s", from, cell);
		for (int ev = 0; ev < AUTHZ_EV__COUNT; ev++) {
			enum authz_state to = AUTHZ__COUNT;
			bool moves = authz_rule((enum authz_state)from, (enum authz_event)ev, &to);

			word(&row, cell);
			is_str(moves ? authz_state_name(to) : "-", cell, "authorization: %s, %s -> %s",
				authz_state_name((enum authz_state)from), event[ev], cell);
			if (!moves)
				ok(to == AUTHZ__COUNT, "and nothing is written where there is no rule");
		}
	}
}

int
main(void)
{
	test_orders();
	test_authzs();
	return done_testing();
}
