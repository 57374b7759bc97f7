/* model.h - an attestation object taken apart, to be changed and written again. Borrows from what
 * it was read from. */
#ifndef TESTS_ATTEST_MODEL_H
#define TESTS_ATTEST_MODEL_H

#include <stdlib.h>

#include "base/buf.h"
#include "cbor/cbor.h"

#define MODEL_MEMBERS 8
#define MODEL_CERTS 20

struct member {
	const char *name;
	enum cbor_type type; /* ARRAY: x5c */
	int64_t number;
	struct span data;
};

struct model {
	struct span fmt;
	struct member members[MODEL_MEMBERS];
	size_t count;
	struct span certs[MODEL_CERTS];
	size_t cert_count;
};

static inline void
cbor_head(struct buf *out, unsigned major, uint64_t n)
{
	unsigned width = n < 24 ? 0 : n < 256 ? 1 : n < 65536 ? 2 : n <= UINT32_MAX ? 4 : 8;

	buf_addc(out, (char)(major << 5 | (width == 0          ? n
						  : width == 1 ? 24
						  : width == 2 ? 25
						  : width == 4 ? 26
							       : 27)));
	while (width--)
		buf_addc(out, (char)(n >> 8 * width));
}

static inline void
cbor_text(struct buf *out, struct span text)
{
	cbor_head(out, CBOR_TEXT, text.n);
	buf_addspan(out, text);
}

static inline void
cbor_bytes(struct buf *out, struct span bytes)
{
	cbor_head(out, CBOR_BYTES, bytes.n);
	buf_addspan(out, bytes);
}

static inline bool
model_read(struct span object, struct model *m)
{
	static const char *const names[] = {"ver", "alg", "sig", "certInfo", "pubArea", "x5c"};
	struct cbor whole, fmt, stmt, item, cert;

	*m = (struct model){0};
	if (!cbor_parse(object, PROBLEM_MALFORMED, &whole, NULL) ||
		!cbor_get(&whole, "fmt", &fmt) || !cbor_get(&whole, "attStmt", &stmt))
		return false;
	m->fmt = fmt.data;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!cbor_get(&stmt, names[i], &item))
			continue;
		m->members[m->count] = (struct member){names[i], item.type, 0, item.data};
		cbor_int(&item, &m->members[m->count++].number);
		for (uint64_t j = 0; item.type == CBOR_ARRAY && cbor_at(&item, j, &cert); j++)
			m->certs[m->cert_count++] = cert.data;
	}
	return true;
}

static inline struct member *
model_get(struct model *m, const char *name)
{
	for (size_t i = 0; i < m->count; i++) {
		if (strcmp(m->members[i].name, name) == 0)
			return &m->members[i];
	}
	abort();
}

static inline void
model_write_member(const struct model *m, const struct member *member, struct buf *out)
{
	cbor_text(out, span_str(member->name));
	switch (member->type) {
	case CBOR_UINT:
	case CBOR_NINT:
		cbor_head(out, member->number < 0,
			(uint64_t)(member->number < 0 ? -1 - member->number : member->number));
		break;
	case CBOR_BYTES:
		cbor_bytes(out, member->data);
		break;
	case CBOR_TEXT:
		cbor_text(out, member->data);
		break;
	default:
		cbor_head(out, CBOR_ARRAY, m->cert_count);
		for (size_t i = 0; i < m->cert_count; i++)
			cbor_bytes(out, m->certs[i]);
	}
}

static inline void
model_write(const struct model *m, struct buf *out)
{
	buf_clear(out);
	cbor_head(out, CBOR_MAP, 2);
	cbor_text(out, SPAN("fmt"));
	cbor_text(out, m->fmt);
	cbor_text(out, SPAN("attStmt"));
	cbor_head(out, CBOR_MAP, m->count);
	for (size_t i = 0; i < m->count; i++)
		model_write_member(m, &m->members[i], out);
}
#endif
