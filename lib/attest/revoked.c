/* revoked.c - see revoked.h. Serials are compared as hex digits, as the list has them; a decimal
 * number of the same digits is another serial. */
#include "attest/revoked.h"

#include <ctype.h>
#include <stdlib.h>

#include "json/json.h"

static const struct json_limits list_limits = {.depth_max = 8, .nodes_max = 2000000};

static int
serial_order(const void *a, const void *b)
{
	return strcmp(a, b);
}

/* Lower case, no leading zeros. */
static bool
serial_read(struct span text, char dst[SERIAL_TEXT])
{
	size_t n = 0;

	if (text.n == 0)
		return false;
	while (text.n > 1 && text.p[0] == '0')
		text = span_from(text, 1);
	if (text.n >= SERIAL_TEXT)
		return false;
	for (; n < text.n; n++) {
		if (!isxdigit((unsigned char)text.p[n]))
			return false;
		dst[n] = (char)tolower((unsigned char)text.p[n]);
	}
	dst[n] = '\0';
	return true;
}

static bool
read_entries(const struct json_node *entries, struct revoked *list, struct problem *pr)
{
	const struct json_node *entry = NULL;
	struct span name;

	list->serials = xcalloc(json_count(entries) + 1, sizeof(*list->serials));
	while ((entry = json_next_member(entries, entry, &name))) {
		if (!serial_read(name, list->serials[list->count]))
			return problem_set(pr, PROBLEM_MALFORMED,
				"serial \"%s\" of the revocation list is not hexadecimal",
				QUOTE(name));
		if (!json_text(json_get(entry, "status")).n)
			return problem_set(pr, PROBLEM_MALFORMED,
				"serial \"%s\" of the revocation list has no status", QUOTE(name));
		list->count++;
	}
	qsort(list->serials, list->count, sizeof(*list->serials), serial_order);
	return true;
}

bool
revoked_parse(struct span json, int64_t good_until_unix_s, struct revoked **ret, struct problem *pr)
{
	struct revoked *list = xcalloc(1, sizeof(*list));
	const struct json_node *entries;
	struct json *doc = NULL;
	bool good;

	if (json.n > ATTEST_LIST_MAX_BYTES)
		good = problem_set(pr, PROBLEM_MALFORMED, "the revocation list is too large");
	else
		good = json_parse(json, "the revocation list", &list_limits, &doc, pr);
	if (good) {
		entries = json_get(json_root(doc), "entries");
		good = json_type(entries) == JSON_OBJECT
			       ? read_entries(entries, list, pr)
			       : problem_set(pr, PROBLEM_MALFORMED,
					 "the revocation list has no object \"entries\"");
	}
	json_free(doc);
	if (!good) {
		revoked_free(list);
		return false;
	}
	list->good_until_unix_s = good_until_unix_s;
	*ret = list;
	return true;
}

bool
revoked_has(const struct revoked *revoked, const struct cert *cert)
{
	char serial[SERIAL_TEXT];

	/* one that cannot be compared counts as revoked */
	if (!serial_read(span_str(cert->serial), serial))
		return true;
	return bsearch(serial, revoked->serials, revoked->count, sizeof(*revoked->serials),
		       serial_order) != NULL;
}

void
revoked_free(struct revoked *revoked)
{
	if (!revoked)
		return;
	free(revoked->serials);
	free(revoked);
}
