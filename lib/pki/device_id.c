/* device_id.c - see device_id.h. */
#include "pki/device_id.h"

#include "base/utf8.h"

/* Digits without a leading zero. */
static bool
is_arc(struct span text)
{
	if (text.n == 0 || (text.n > 1 && text.p[0] == '0'))
		return false;
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
	}
	return true;
}

bool
device_oid_ok(struct span oid)
{
	struct span rest = oid, arc;
	uint64_t second;
	size_t n = 0;
	bool good = true;

	for (; good && span_cut(&rest, '.', &arc); n++) {
		good = is_arc(arc);
		if (n == 0)
			good = good && arc.n == 1 && arc.p[0] <= '2';
		else if (n == 1)
			good = good && (oid.p[0] == '2' || span_uint(arc, 39, &second));
	}
	return good && n >= 2;
}

void
device_id_split(struct span value, struct span *ret_id, struct span *ret_oid)
{
	const char *slash = value.n ? memchr(value.p, '/', value.n) : NULL;
	size_t n = slash ? (size_t)(slash - value.p) : value.n;

	*ret_id = span_of(value.p, n);
	*ret_oid = slash ? span_from(value, n + 1) : SPAN_NONE;
}

bool
device_id_check(struct span value, bool needs_oid, struct problem *pr)
{
	struct span id, oid;

	device_id_split(value, &id, &oid);
	if (!utf8_is_text(value))
		return problem_set(pr, PROBLEM_MALFORMED, "identifier \"%s\" is not UTF-8 without control characters",
			QUOTE(value));
	if (id.n == 0)
		return problem_set(pr, PROBLEM_MALFORMED, "identifier \"%s\" has nothing before its '/'", QUOTE(value));
	if (!oid.p)
		return needs_oid ? problem_set(pr, PROBLEM_MALFORMED, "identifier \"%s\" lacks the OID: SERIAL/OID is wanted",
					   QUOTE(value))
				 : true;
	return device_oid_ok(oid) || problem_set(pr, PROBLEM_MALFORMED,
		"identifier \"%s\": what follows its '/' is not an object identifier in dotted decimal", QUOTE(value));
}
