/* records.c - records of one type in a whole DNS message, aliases followed within it (RFC 1035 4.1); see answer.h. */
#include "dns/answer.h"

#include <ares.h>
#include <arpa/nameser.h>

#define HEADER 12
#define LOOKED_AT_MAX 512 /* records of the answer section */
#define ALIASES_MAX 8     /* in one message */

struct record {
	char owner[DNS_NAME_TEXT];
	unsigned type, class;
	struct span data;
	const unsigned char *data_at;
};

struct cursor {
	struct span message;
	size_t at;
};

static unsigned
get16(const unsigned char *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

/* A name at `at`, compressed or not; where it ends. False if it is broken. */
static bool
name_at(struct span message, const unsigned char *at, char dst[DNS_NAME_TEXT], size_t *ret_octets)
{
	char *text = NULL;
	long octets = 0;
	bool good;

	if (ares_expand_name(at, (const unsigned char *)message.p, (int)message.n, &text, &octets) != ARES_SUCCESS)
		return false;
	good = span_copy(span_str(text), dst, DNS_NAME_TEXT);
	*ret_octets = (size_t)octets;
	ares_free_string(text);
	return good;
}

static bool
record_next(struct cursor *c, struct record *r)
{
	const unsigned char *p = (const unsigned char *)c->message.p + c->at;
	size_t octets;

	if (c->at >= c->message.n || !name_at(c->message, p, r->owner, &octets) || c->message.n - c->at < octets + 10)
		return false;
	p += octets;
	r->type = get16(p);
	r->class = get16(p + 2);
	r->data_at = p + 10;
	r->data = span_of(p + 10, get16(p + 8));
	c->at += octets + 10;
	if (c->message.n - c->at < r->data.n)
		return false;
	c->at += r->data.n;
	return true;
}

/* The header and the one question; the cursor stands at the answers. */
static bool
message_open(struct span message, struct cursor *c, unsigned *ret_answers)
{
	const unsigned char *p = (const unsigned char *)message.p;
	char name[DNS_NAME_TEXT];
	size_t octets;

	if (message.n <= HEADER || get16(p + 4) != 1 || !name_at(message, p + HEADER, name, &octets) || message.n - HEADER < octets + 4)
		return false;
	*ret_answers = get16(p + 6);
	*c = (struct cursor){ message, HEADER + octets + 4 };
	return true;
}

/* One pass over the answers, from `owner` on: records of the type are added, an alias takes the owner's place, or ends it. */
static const char *
answers_pass(struct cursor c, unsigned answers, int type, bool follow, char owner[DNS_NAME_TEXT], bool *ret_alias, struct dns_records *ret)
{
	struct record r;
	size_t octets;

	*ret_alias = false;
	for (unsigned i = 0; i < answers; i++) {
		if (!record_next(&c, &r))
			return "the answer is malformed";
		if (r.class != ns_c_in || strcasecmp(r.owner, owner) != 0)
			continue;
		if (r.type == ns_t_cname) {
			if (!name_at(c.message, r.data_at, owner, &octets) || octets != r.data.n)
				return "the answer is malformed";
			*ret_alias = true;
			if (!follow) {
				ret->count = 0;
				return NULL;
			}
		} else if (r.type == (unsigned)type) {
			if (ret->count == DNS_RECORDS_MAX)
				return "there are more than 100 records";
			ret->list[ret->count++] = r.data;
		}
	}
	return NULL;
}

bool
records_parse(struct span message, const char *name, int type, bool follow, struct dns_records *ret, char ret_alias[DNS_NAME_TEXT],
	const char **ret_fault)
{
	char owner[DNS_NAME_TEXT];
	unsigned answers, aliases = 0;
	struct cursor c;
	bool alias = true, any = false;

	ret->count = 0;
	ret_alias[0] = '\0';
	*ret_fault = "the answer is malformed";
	if (!span_copy(span_str(name), owner, sizeof(owner)) || !message_open(message, &c, &answers))
		return false;
	if (answers > LOOKED_AT_MAX) {
		*ret_fault = "there are more than 100 records";
		return false;
	}
	/* most servers give aliases in their order, but none has to */
	do {
		*ret_fault = answers_pass(c, answers, type, follow, owner, &alias, ret);
		any = any || alias;
		if (++aliases > ALIASES_MAX)
			*ret_fault = "too many aliases, one behind the other";
	} while (!*ret_fault && follow && alias && ret->count == 0);
	if (*ret_fault) {
		ret->count = 0;
		return false;
	}
	if (any && ret->count == 0)
		memcpy(ret_alias, owner, sizeof(owner));
	return true;
}

bool
record_name_read(struct span message, struct span rdata, char ret[DNS_NAME_TEXT])
{
	size_t octets;

	return rdata.n > 0 && name_at(message, (const unsigned char *)rdata.p, ret, &octets) && octets == rdata.n;
}

bool
dns_record_name(const struct dns_records *records, size_t i, char ret[DNS_NAME_TEXT])
{
	return record_name_read(records->message, records->list[i], ret);
}

/* MNAME, RNAME, then five numbers (RFC 1035 3.3.13). */
bool
dns_record_soa(const struct dns_records *records, size_t i, struct dns_soa *ret)
{
	const unsigned char *p = (const unsigned char *)records->list[i].p;
	size_t n = records->list[i].n, first, second;
	char responsible[DNS_NAME_TEXT];

	if (n == 0 || !name_at(records->message, p, ret->primary, &first) || first >= n ||
		!name_at(records->message, p + first, responsible, &second) || n - first < second || n - first - second != 20)
		return false;
	p += first + second;
	ret->serial = get16(p) << 16 | get16(p + 2);
	return true;
}

bool
dns_txt_join(struct span rdata, char *dst, size_t size)
{
	size_t n = 0;

	while (rdata.n > 0) {
		size_t part = (unsigned char)rdata.p[0];

		if (part >= rdata.n || part >= size - n)
			return false;
		memcpy(dst + n, rdata.p + 1, part);
		n += part;
		rdata = span_from(rdata, part + 1);
	}
	dst[n] = '\0';
	return memchr(dst, '\0', n) == NULL;
}
