/* wire.c - see wire.h. */
#include "dnsup/wire.h"

#define LABEL_MAX 63

static unsigned char
lower(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c - 'A' + 'a') : c;
}

static bool
is_label_octet(unsigned char c)
{
	c = lower(c);
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static bool
name_add_label(struct wire_name *name, struct span label, bool any_octet)
{
	/* one octet is the root's */
	if (label.n == 0 || label.n > LABEL_MAX || name->n + label.n + 2 > WIRE_NAME_MAX)
		return false;
	name->octet[name->n++] = (unsigned char)label.n;
	for (size_t i = 0; i < label.n; i++) {
		if (!any_octet && !is_label_octet((unsigned char)label.p[i]))
			return false;
		name->octet[name->n++] = lower((unsigned char)label.p[i]);
	}
	return true;
}

bool
wire_name_parse(struct span text, struct wire_name *ret)
{
	struct wire_name name = { .n = 0 };
	struct span label;

	if (text.n && text.p[text.n - 1] == '.')
		text.n--;
	if (text.n == 0)
		return false;
	/* an empty label at the end is one, too */
	if (text.p[text.n - 1] == '.')
		return false;
	while (span_cut(&text, '.', &label)) {
		if (!name_add_label(&name, label, false))
			return false;
	}
	name.octet[name.n++] = 0;
	*ret = name;
	return true;
}

bool
wire_name_eq(const struct wire_name *a, const struct wire_name *b)
{
	return a->n == b->n && memcmp(a->octet, b->octet, a->n) == 0;
}

bool
wire_name_add(struct buf *out, const struct wire_name *name)
{
	return buf_add(out, name->octet, name->n);
}

void
wire_add_u8(struct buf *out, unsigned v)
{
	buf_addc(out, (char)v);
}

void
wire_add_u16(struct buf *out, unsigned v)
{
	wire_add_u8(out, v >> 8);
	wire_add_u8(out, v);
}

void
wire_add_u32(struct buf *out, uint32_t v)
{
	wire_add_u16(out, v >> 16);
	wire_add_u16(out, v & 0xffff);
}

void
wire_add_u48(struct buf *out, int64_t v)
{
	wire_add_u16(out, (unsigned)(v >> 32) & 0xffff);
	wire_add_u32(out, (uint32_t)v);
}

void
wire_put_u16(struct buf *out, size_t at, unsigned v)
{
	if (at + 2 > out->n)
		return;
	out->p[at] = (char)(v >> 8);
	out->p[at + 1] = (char)v;
}

struct span
wire_octets(struct wire_reader *r, size_t n)
{
	struct span got = { r->message.p + r->at, n };

	if (r->failed || n > r->message.n - r->at) {
		r->failed = true;
		return SPAN_NONE;
	}
	r->at += n;
	return got;
}

unsigned
wire_u8(struct wire_reader *r)
{
	struct span s = wire_octets(r, 1);

	return s.n ? (unsigned char)s.p[0] : 0;
}

unsigned
wire_u16(struct wire_reader *r)
{
	unsigned high = wire_u8(r);

	return high << 8 | wire_u8(r);
}

uint32_t
wire_u32(struct wire_reader *r)
{
	uint32_t high = wire_u16(r);

	return high << 16 | wire_u16(r);
}

int64_t
wire_u48(struct wire_reader *r)
{
	int64_t high = wire_u16(r);

	return high << 32 | wire_u32(r);
}

void
wire_name(struct wire_reader *r, struct wire_name *ret)
{
	struct wire_reader at = *r;
	size_t limit = r->at; /* a pointer leads to before the octets read last, so that it ends */
	bool jumped = false;

	ret->n = 0;
	for (;;) {
		unsigned n = wire_u8(&at);

		if (at.failed)
			break;
		if (n == 0) {
			ret->octet[ret->n++] = 0;
			if (!jumped)
				r->at = at.at;
			return;
		}
		if ((n & 0xc0) == 0xc0) {
			size_t to = (n & 0x3f) << 8 | wire_u8(&at);

			if (!jumped)
				r->at = at.at;
			jumped = true;
			if (at.failed || to >= limit)
				break;
			limit = at.at = to;
		} else if (n > LABEL_MAX || !name_add_label(ret, wire_octets(&at, n), true)) {
			break;
		}
	}
	r->failed = true;
	*ret = (struct wire_name){ .octet = { 0 }, .n = 1 };
}
