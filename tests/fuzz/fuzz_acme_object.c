/* fuzz_acme_object - every reader of lib/acme on any octets: the first one chooses the reader. */
#include "acme/object.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
read_problem(struct span text)
{
	struct acme_problem p;
	AUTO_BUF out = BUF_MAX(256 * 1024);

	acme_problem_read(text, 400, &p);
	problem_json(&out, &p.problem,
		&(struct problem_more){ .subs = p.subs, .sub_count = p.sub_count });
	acme_problem_done(&p);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_of(data + 1, size ? size - 1 : 0);
	struct acme_directory directory;
	struct acme_account account;
	struct acme_order order;
	struct acme_authz authz;
	struct acme_chall chall;
	struct acme_strings orders;
	struct problem pr = { 0 };

	if (size == 0)
		return 0;
	switch (data[0]) {
	case 'd':
		if (acme_directory_read(text, &directory, &pr))
			acme_directory_done(&directory);
		break;
	case 'a':
		if (acme_account_read(text, &account, &pr))
			acme_account_done(&account);
		break;
	case 'o':
		if (acme_order_read(text, &order, &pr))
			acme_order_done(&order);
		break;
	case 'z':
		if (acme_authz_read(text, &authz, &pr))
			acme_authz_done(&authz);
		break;
	case 'c':
		if (acme_chall_read(text, &chall, &pr))
			acme_chall_done(&chall);
		break;
	case 'l':
		if (acme_orders_read(text, &orders, &pr))
			acme_strings_done(&orders);
		break;
	default:
		read_problem(text);
	}
	return 0;
}
