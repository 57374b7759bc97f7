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

struct octets {
	unsigned char p[KEYID_MAX];
	size_t n;
};

/* One part of the text, of at most `max` octets. */
static bool
read_part(struct span part, const char *name, size_t max, struct octets *ret, struct problem *pr)
{
	bool is_long = part.n > B64URL_LEN(max);
	char what[64];

	ret->n = part.n * 3 / 4;
	if (part.n > 0 && !is_long && b64url_read_exact(part, ret->p, ret->n))
		return true;
	snprintf(what, sizeof(what), "has %s %s", is_long ? "too long a" : "no base64url as", name);
	return malformed(pr, what);
}

/* The content octets of the INTEGER, made positive (R3). */
static bool
make_positive(struct octets *serial, struct problem *pr)
{
	if (serial->n > 1 && serial->p[0] == 0 && !(serial->p[1] & 0x80))
		return malformed(pr, "has a serial number with a leading 00 too many");
	if (!(serial->p[0] & 0x80))
		return true;
	if (serial->n == SERIAL_MAX)
		return malformed(pr, "has too long a serial number");
	memmove(serial->p + 1, serial->p, serial->n++);
	serial->p[0] = 0;
	return true;
}

bool
certid_parse(struct span text, struct certid *ret, struct problem *pr)
{
	struct span rest = text, first, whole;
	struct octets keyid, serial;

	if (!span_cut(&rest, '.', &first) || !rest.p || (rest.n && memchr(rest.p, '.', rest.n)))
		return malformed(pr, "is not two parts with a dot between");
	if (!read_part(first, "key identifier", KEYID_MAX, &keyid, pr) || !read_part(rest, "serial number", SERIAL_MAX, &serial, pr) ||
		!make_positive(&serial, pr))
		return false;
	whole = span_of(serial.p, serial.n);
	certid_write(span_of(keyid.p, keyid.n), whole, ret->text);
	if (serial.n > 1 && serial.p[0] == 0)
		certid_write(span_of(keyid.p, keyid.n), span_from(whole, 1), ret->bare);
	else
		memcpy(ret->bare, ret->text, sizeof(ret->bare));
	hex_write(ret->serial, whole);
	memcpy(ret->octets, serial.p, serial.n);
	ret->octet_count = (uint8_t)serial.n;
	ret->keyid_chars = (uint8_t)first.n;
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
