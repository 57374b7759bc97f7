/* value.c - see value.h. Numbers with units live in one table per kind; everything else is a case
 * of one switch. */
#include "conf/value.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/addr.h"
#include "base/utf8.h"

#define STRING_MAX 4096

struct unit {
	const char *suffix;
	int64_t factor;
};

/* Largest first: the writer takes the first that divides. */
static const struct unit size_units[] = { { "G", 1LL << 30 }, { "M", 1 << 20 }, { "K", 1 << 10 },
	{ "", 1 } };
static const struct unit time_units[] = { { "w", 604800 }, { "d", 86400 }, { "h", 3600 },
	{ "m", 60 }, { "s", 1 }, { "", 1 } };
static const struct unit msec_units[] = { { "h", 3600000 }, { "m", 60000 }, { "s", 1000 },
	{ "ms", 1 } };
static const struct unit int_units[] = { { "", 1 } };

static const struct {
	const struct unit *units;
	size_t count;
	const char *expected;
} numbers[] = {
	[CONF_INT] = { int_units, COUNT_OF(int_units), "an integer" },
	[CONF_SIZE] = { size_units, COUNT_OF(size_units), "a size such as \"64K\" or \"1M\"" },
	[CONF_TIME] = { time_units, COUNT_OF(time_units),
		"a time such as \"30s\", \"10m\", \"1h\" or \"7d\"" },
	[CONF_MSEC] = { msec_units, COUNT_OF(msec_units), "a time such as \"500ms\" or \"10s\"" },
};

static bool
number_parse(enum conf_kind kind, struct span text, int64_t *ret)
{
	size_t digits = 0;
	uint64_t v;

	while (digits < text.n && text.p[digits] >= '0' && text.p[digits] <= '9')
		digits++;
	if (!span_uint(span_of(text.p, digits), INT64_MAX, &v))
		return false;
	for (size_t i = 0; i < numbers[kind].count; i++) {
		const struct unit *u = &numbers[kind].units[i];

		if (!span_is(span_from(text, digits), u->suffix))
			continue;
		if (v > (uint64_t)(INT64_MAX / u->factor))
			return false;
		*ret = (int64_t)v * u->factor;
		return true;
	}
	return false;
}

bool
conf_time_parse(struct span text, int64_t *ret_s)
{
	return number_parse(CONF_TIME, text, ret_s);
}

void
conf_value_write_number(enum conf_kind kind, int64_t v, struct buf *out)
{
	const struct unit *u = numbers[kind].units;

	/* weeks are read, never written: 7d is the habit */
	if (kind == CONF_TIME)
		u++;
	while (v % u->factor != 0 || (v == 0 && u->factor != 1))
		u++;
	buf_addf(out, "%" PRId64 "%s", v / u->factor, u->suffix);
}

bool
conf_value_set_int(const struct conf_key *key, int64_t v, void *field, struct problem *pr)
{
	int64_t lo = 0, hi = INT64_MAX;
	int64_t *place = field;

	if (key->lo && !number_parse(key->kind, span_str(key->lo), &lo))
		return problem_internal(pr, "key %s has a bad lower bound", key->name);
	if (key->hi && !number_parse(key->kind, span_str(key->hi), &hi))
		return problem_internal(pr, "key %s has a bad upper bound", key->name);
	if (v < lo)
		return problem_set(
			pr, PROBLEM_MALFORMED, "is less than %s", key->lo ? key->lo : "0");
	if (v > hi)
		return problem_set(pr, PROBLEM_MALFORMED, "is more than %s", key->hi);
	*place = v;
	return true;
}

static bool
check_secret(struct span text, struct problem *pr)
{
	struct span name = span_from(text, sizeof("credential:") - 1);

	if (span_starts(text, "file:/"))
		return true;
	if (span_starts(text, "credential:") && name.n && !memchr(name.p, '/', name.n))
		return true;
	return problem_set(pr, PROBLEM_MALFORMED,
		"must say where the secret lies: \"file:/PATH\" or \"credential:NAME\", never the "
		"secret itself");
}

/* A string that may be shown on one line and sent as JSON: UTF-8 without control octets. */
static bool
check_string(const struct conf_key *key, struct span text, struct problem *pr)
{
	size_t lo = key->lo && key->kind == CONF_STRING ? strtoul(key->lo, NULL, 10) : 0;
	size_t hi = key->hi && key->kind == CONF_STRING ? strtoul(key->hi, NULL, 10) : STRING_MAX;

	if (text.n < lo || text.n > hi)
		return problem_set(pr, PROBLEM_MALFORMED, "has %zu octets, expected %zu to %zu",
			text.n, lo, hi);
	for (size_t i = 0; i < text.n; i++) {
		if ((unsigned char)text.p[i] < 0x20 || text.p[i] == 0x7f)
			return problem_set(pr, PROBLEM_MALFORMED, "has a control character in it");
	}
	if (utf8_prefix(text) != text.n)
		return problem_set(pr, PROBLEM_MALFORMED, "is not UTF-8");
	return !(key->flags & CONF_SECRET) || check_secret(text, pr);
}

static bool
choice_read(const struct conf_key *key, struct span text, int *ret, struct problem *pr)
{
	struct span rest = span_str(key->choices), name;

	for (int i = 0; span_cut(&rest, '|', &name); i++) {
		if (span_eq(name, text)) {
			*ret = i;
			return true;
		}
	}
	return problem_set(
		pr, PROBLEM_MALFORMED, "\"%s\" is none of %s", QUOTE(text), key->choices);
}

const char *
conf_choice_name(const struct conf_key *key, int value, char dst[32])
{
	struct span rest = span_str(key->choices), name = SPAN_NONE;

	for (int i = 0; i <= value && span_cut(&rest, '|', &name); i++)
		;
	return span_copy(name, dst, 32) ? dst : "";
}

bool
conf_value_read(const struct conf_key *key, struct span text, void *field, struct problem *pr)
{
	int64_t v;

	switch (key->kind) {
	case CONF_STRING:
		if (!check_string(key, text, pr))
			return false;
		free(*(char **)field);
		*(char **)field = span_dup(text);
		return true;
	case CONF_BOOL:
		*(bool *)field = span_is(text, "true");
		return true;
	case CONF_INT:
	case CONF_SIZE:
	case CONF_TIME:
	case CONF_MSEC:
		if (!number_parse(key->kind, text, &v))
			return problem_set(pr, PROBLEM_MALFORMED, "\"%s\" is not %s", QUOTE(text),
				numbers[key->kind].expected);
		return conf_value_set_int(key, v, field, pr);
	case CONF_ADDR:
		return addr_parse_port(text, field, pr);
	case CONF_CHOICE:
		return choice_read(key, text, field, pr);
	default:
		return problem_internal(pr, "key %s is no scalar", key->name);
	}
}

size_t
conf_value_count(const struct conf_key *key, const void *field)
{
	switch (key->kind) {
	case CONF_STRINGS:
		return ((const struct conf_strings *)field)->count;
	case CONF_ADDRS:
		return ((const struct conf_addrs *)field)->count;
	case CONF_NETS:
		return ((const struct conf_nets *)field)->count;
	default:
		return ((const struct conf_list *)field)->count;
	}
}

bool
conf_value_check_count(const struct conf_key *key, size_t count, struct problem *pr)
{
	size_t lo = key->lo ? strtoul(key->lo, NULL, 10) : 0;
	size_t hi = key->hi ? strtoul(key->hi, NULL, 10) : CONF_COUNT_MAX;

	if (count < lo || count > hi)
		return problem_set(pr, PROBLEM_MALFORMED, "has %zu entries, expected %zu to %zu",
			count, lo, hi);
	return true;
}

/* Room for one more element; doubles at each power of two. */
static void *
grow(void *list, size_t count, size_t size)
{
	if ((count & (count - 1)) != 0)
		return list;
	return xrealloc(list, (count ? count * 2 : 1) * size);
}

bool
conf_value_add(const struct conf_key *key, struct span text, void *field, struct problem *pr)
{
	struct conf_strings *strings = field;
	struct conf_addrs *addrs = field;
	struct conf_nets *nets = field;
	struct addr addr;
	struct net net;

	switch (key->kind) {
	case CONF_STRINGS:
		if (!check_string(key, text, pr))
			return false;
		strings->list = grow(strings->list, strings->count, sizeof(*strings->list));
		strings->list[strings->count++] = span_dup(text);
		return true;
	case CONF_ADDRS:
		if (!addr_parse_port(text, &addr, pr))
			return false;
		addrs->list = grow(addrs->list, addrs->count, sizeof(*addrs->list));
		addrs->list[addrs->count++] = addr;
		return true;
	case CONF_NETS:
		if (!net_parse(text, &net, pr))
			return false;
		nets->list = grow(nets->list, nets->count, sizeof(*nets->list));
		nets->list[nets->count++] = net;
		return true;
	default:
		return problem_internal(pr, "key %s is no list", key->name);
	}
}

bool
conf_value_add_all(const struct conf_key *key, struct span text, void *field, struct problem *pr)
{
	struct span part;

	while (span_cut(&text, ' ', &part)) {
		if (part.n && !conf_value_add(key, part, field, pr))
			return false;
	}
	return true;
}

static void
write_quoted(struct span text, struct buf *out)
{
	buf_addc(out, '"');
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '"' || text.p[i] == '\\')
			buf_addc(out, '\\');
		buf_addc(out, text.p[i]);
	}
	buf_addc(out, '"');
}

void
conf_value_write_addr(const struct addr *a, struct buf *out)
{
	static const unsigned char any[16];
	char text[ADDR_TEXT];

	if (a->family == AF_INET6 && memcmp(a->octet, any, sizeof(any)) == 0)
		buf_addf(out, "*:%u", a->port);
	else
		buf_addf(out, a->family == AF_INET6 ? "[%s]:%u" : "%s:%u", addr_text(a, text),
			a->port);
}

void
conf_value_write_element(const struct conf_key *key, const void *field, size_t i, struct buf *out)
{
	char text[ADDR_TEXT];

	if (key->kind == CONF_STRINGS) {
		buf_adds(out, ((const struct conf_strings *)field)->list[i]);
	} else if (key->kind == CONF_ADDRS) {
		conf_value_write_addr(&((const struct conf_addrs *)field)->list[i], out);
	} else {
		const struct net *net = &((const struct conf_nets *)field)->list[i];

		buf_addf(out, "%s/%u", addr_text(&net->base, text), net->bits);
	}
}

static void
write_list(const struct conf_key *key, const void *field, struct buf *out)
{
	size_t count = conf_value_count(key, field);

	buf_addc(out, '[');
	for (size_t i = 0; i < count; i++) {
		AUTO_BUF text = BUF_MAX(STRING_MAX);

		conf_value_write_element(key, field, i, &text);
		buf_adds(out, i ? ", " : " ");
		write_quoted(buf_span(&text), out);
	}
	buf_adds(out, " ]");
}

void
conf_value_write(const struct conf_key *key, const void *field, struct buf *out)
{
	AUTO_BUF text = BUF_MAX(STRING_MAX);
	char choice[32];

	switch (key->kind) {
	case CONF_STRING:
		buf_adds(&text, *(char *const *)field ? *(char *const *)field : "");
		break;
	case CONF_BOOL:
		buf_adds(out, *(const bool *)field ? "true" : "false");
		return;
	case CONF_INT:
		buf_addf(out, "%" PRId64, *(const int64_t *)field);
		return;
	case CONF_SIZE:
	case CONF_TIME:
	case CONF_MSEC:
		conf_value_write_number(key->kind, *(const int64_t *)field, &text);
		break;
	case CONF_ADDR:
		conf_value_write_addr(field, &text);
		break;
	case CONF_CHOICE:
		buf_adds(&text, conf_choice_name(key, *(const int *)field, choice));
		break;
	default:
		write_list(key, field, out);
		return;
	}
	write_quoted(buf_span(&text), out);
}

void
conf_value_write_text(const struct conf_key *key, const char *text, struct buf *out)
{
	struct span rest = span_str(text), part;
	bool first = true;

	if (conf_is_strings(key->kind)) {
		buf_addc(out, '[');
		while (span_cut(&rest, ' ', &part)) {
			if (part.n == 0)
				continue;
			buf_adds(out, first ? " " : ", ");
			write_quoted(part, out);
			first = false;
		}
		buf_adds(out, " ]");
	} else if (key->kind == CONF_BOOL || key->kind == CONF_INT) {
		buf_adds(out, text);
	} else {
		write_quoted(rest, out);
	}
}

void
conf_value_done(const struct conf_key *key, void *field)
{
	struct conf_strings *strings = field;

	if (key->kind == CONF_STRING) {
		free(*(char **)field);
		*(char **)field = NULL;
	} else if (conf_is_strings(key->kind)) {
		for (size_t i = 0; key->kind == CONF_STRINGS && i < strings->count; i++)
			free(strings->list[i]);
		free(strings->list); /* the three list structs have their pointer first */
		*strings = (struct conf_strings){ 0 };
	}
}
