/* certid.c - see certid.h. */
#include "pki/certid.h"

#include <stdio.h>

#include "base/b64url.h"
#include "base/buf.h"

_Static_assert(B64URL_LEN(KEYID_MAX) + 1 + B64URL_LEN(SERIAL_MAX) < CERTID_TEXT, "CERTID_TEXT");

static bool
malformed(struct problem *pr, const char *what)
{
	return problem_set(pr, PROBLEM_MALFORMED, "the certID %s (RFC 9773 section 4.1)", what);
}

bool
certid_write(struct span keyid, struct span serial, char ret[CERTID_TEXT])
{
	size_t n;

	if (keyid.n == 0 || keyid.n > KEYID_MAX || serial.n == 0 || serial.n > SERIAL_MAX)
		return false;
	n = b64url_write(ret, keyid.p, keyid.n);
	ret[n++] = '.';
	b64url_write(ret + n, serial.p, serial.n);
	return true;
}

static void
hex_write(char *dst, struct span octets)
{
	for (size_t i = 0; i < octets.n; i++) {
		unsigned char c = (unsigned char)octets.p[i];

		*dst++ = "0123456789abcdef"[c >> 4];
		*dst++ = "0123456789abcdef"[c & 15];
	}
	*dst = '\0';
}

/* One part of the text. */
static bool
read_part(struct span part, const char *name, struct buf *out, struct problem *pr)
{
	char what[64];

	if (part.n > 0 && b64url_read(part, out))
		return true;
	snprintf(what, sizeof(what), "has %s %s", out->failed ? "too long a" : "no base64url as", name);
	return malformed(pr, what);
}

/* The content octets of the INTEGER, made positive (R3). */
static bool
make_positive(struct buf *serial, struct problem *pr)
{
	const unsigned char *p = (const unsigned char *)serial->p;

	if (serial->n > 1 && p[0] == 0 && !(p[1] & 0x80))
		return malformed(pr, "has a serial number with a leading 00 too many");
	if (!(p[0] & 0x80))
		return true;
	if (serial->n == SERIAL_MAX)
		return malformed(pr, "has too long a serial number");
	buf_addc(serial, '\0');
	memmove(serial->p + 1, serial->p, serial->n - 1);
	serial->p[0] = '\0';
	return true;
}

bool
certid_parse(struct span text, struct certid *ret, struct problem *pr)
{
	struct span rest = text, first;
	AUTO_BUF keyid = BUF_MAX(KEYID_MAX);
	AUTO_BUF serial = BUF_MAX(SERIAL_MAX);
	struct certid id = { "", "", "" };

	if (!span_cut(&rest, '.', &first) || !rest.p || (rest.n && memchr(rest.p, '.', rest.n)))
		return malformed(pr, "is not two parts with a dot between");
	if (!read_part(first, "key identifier", &keyid, pr) || !read_part(rest, "serial number", &serial, pr) ||
		!make_positive(&serial, pr))
		return false;
	certid_write(buf_span(&keyid), buf_span(&serial), id.text);
	if (serial.n > 1 && serial.p[0] == 0)
		certid_write(buf_span(&keyid), span_from(buf_span(&serial), 1), id.bare);
	else
		memcpy(id.bare, id.text, sizeof(id.bare));
	hex_write(id.serial, buf_span(&serial));
	*ret = id;
	return true;
}

static int
hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* The digits of `text` without colons and leading zeros. */
static bool
read_digits(struct span text, char digits[SERIAL_TEXT], size_t *ret_count)
{
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++) {
		/* colons are between octets: after each second digit and never at the end */
		if (text.p[i] == ':' && i % 3 == 2 && i + 1 < text.n)
			continue;
		if (hex_value(text.p[i]) < 0)
			return false;
		if (n == 0 && text.p[i] == '0')
			continue;
		if (n == SERIAL_TEXT - 1)
			return false;
		digits[n++] = "0123456789abcdef"[hex_value(text.p[i])];
	}
	*ret_count = n;
	return text.n > 0;
}

bool
serial_parse(struct span text, char ret[SERIAL_TEXT])
{
	char digits[SERIAL_TEXT];
	size_t n, zeros;

	if (!read_digits(text, digits, &n))
		return false;
	/* back to whole octets, the first one below 80 */
	zeros = n == 0 ? 2 : n % 2 ? 1 : hex_value(digits[0]) >= 8 ? 2 : 0;
	if (zeros + n >= SERIAL_TEXT)
		return false;
	memcpy(ret, "00", zeros);
	memcpy(ret + zeros, digits, n);
	ret[zeros + n] = '\0';
	return true;
}
