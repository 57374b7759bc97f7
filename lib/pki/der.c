/* der.c - see der.h. */
#include "pki/der.h"

#include <openssl/err.h>
#include <openssl/objects.h>

#define OID_MAX 127 /* more than the OID of an identifier can have */

/* Tag number in base 128, for identifiers whose low bits are all set (X.690 8.1.2.4). */
static bool
high_tag(struct span in, size_t *at, uint32_t *ret)
{
	uint32_t number = 0;
	unsigned char octet;

	do {
		if (*at >= in.n || number >> 24)
			return false;
		octet = (unsigned char)in.p[(*at)++];
		if (number == 0 && octet == 0x80)
			return false;
		number = number << 7 | (octet & 0x7f);
	} while (octet & 0x80);
	*ret = number;
	return number >= 31;
}

static bool
length(struct span in, size_t *at, size_t *ret)
{
	unsigned octets;
	size_t n = 0;

	if (*at >= in.n)
		return false;
	octets = (unsigned char)in.p[(*at)++];
	if (octets < 0x80) {
		*ret = octets;
		return true;
	}
	octets &= 0x7f;
	if (octets == 0 || octets > 4 || octets > in.n - *at || in.p[*at] == 0)
		return false;
	for (; octets; octets--)
		n = n << 8 | (unsigned char)in.p[(*at)++];
	*ret = n;
	return n >= 0x80;
}

bool
der_next(struct span *rest, struct der *ret)
{
	struct der der;
	size_t at = 1, n;

	if (!rest->n)
		return false;
	der.id = (unsigned char)rest->p[0];
	der.number = der.id & 31;
	if (der.number == 31 && !high_tag(*rest, &at, &der.number))
		return false;
	if (!length(*rest, &at, &n) || n > rest->n - at)
		return false;
	der.body = span_of(rest->p + at, n);
	der.whole = span_of(rest->p, at + n);
	*rest = span_from(*rest, at + n);
	*ret = der;
	return true;
}

bool
der_has(struct span rest, unsigned char id)
{
	return rest.n && (unsigned char)rest.p[0] == id;
}

bool
der_take(struct span *rest, unsigned char id, struct span *ret_body)
{
	struct der der;

	if (!der_has(*rest, id) || !der_next(rest, &der))
		return false;
	*ret_body = der.body;
	return true;
}

bool
der_only(struct span in, unsigned char id, struct span *ret_body)
{
	struct span body;

	if (!der_take(&in, id, &body) || in.n)
		return false;
	*ret_body = body;
	return true;
}

bool
der_uint(struct span body, uint64_t max, uint64_t *ret)
{
	uint64_t v = 0;

	if (body.n == 0 || body.n > 9 || body.p[0] & 0x80)
		return false;
	if (body.n > 1 && body.p[0] == 0 && !(body.p[1] & 0x80))
		return false; /* not the shortest form */
	if (body.n == 9 && body.p[0] != 0)
		return false;
	for (size_t i = 0; i < body.n; i++)
		v = v << 8 | (unsigned char)body.p[i];
	if (v > max)
		return false;
	*ret = v;
	return true;
}

bool
der_write_head(struct buf *out, unsigned char id, size_t n)
{
	buf_addc(out, (char)id);
	if (n >= 0x80)
		buf_addc(out, (char)(n >= 0x100 ? 0x82 : 0x81));
	if (n >= 0x100)
		buf_addc(out, (char)(n >> 8));
	return buf_addc(out, (char)n);
}

bool
der_oid_text(struct span body, char *dst, size_t size)
{
	unsigned char der[2 + OID_MAX] = {DER_OID, (unsigned char)body.n};
	const unsigned char *p = der;
	ASN1_OBJECT *oid = NULL;
	int n = 0;

	if (body.n && body.n <= OID_MAX) {
		memcpy(der + 2, body.p, body.n);
		oid = d2i_ASN1_OBJECT(NULL, &p, (long)(2 + body.n));
	}
	if (oid)
		n = OBJ_obj2txt(dst, (int)size, oid, 1);
	ASN1_OBJECT_free(oid);
	ERR_clear_error();
	return n > 0 && (size_t)n < size;
}
