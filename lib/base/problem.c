/* problem.c - see problem.h. */
#include "base/problem.h"

#include <stdarg.h>
#include <stdio.h>

#include <openssl/err.h>

#include "base/mem.h"

static const struct {
	const char *type;
	int status;
} kinds[] = {
#define X(name, type, status) [PROBLEM_##name] = { type, status },
	PROBLEM_KINDS(X)
#undef X
};

bool
problem_set(struct problem *pr, enum problem_kind kind, const char *fmt, ...)
{
	va_list ap;

	if (!pr)
		return false;
	pr->kind = kind;
	va_start(ap, fmt);
	vsnprintf(pr->detail, sizeof(pr->detail), fmt, ap);
	va_end(ap);
	return false;
}

void
problem_cause(struct problem *pr, const char *fmt, ...)
{
	va_list ap;

	if (!pr)
		return;
	va_start(ap, fmt);
	vsnprintf(pr->cause, sizeof(pr->cause), fmt, ap);
	va_end(ap);
}

bool
problem_internal(struct problem *pr, const char *fmt, ...)
{
	va_list ap;

	if (!pr)
		return false;
	va_start(ap, fmt);
	vsnprintf(pr->cause, sizeof(pr->cause), fmt, ap);
	va_end(ap);
	pr->retry_after_s = 60;
	return problem_set(pr, PROBLEM_SERVER_INTERNAL, "internal error, the operator's log says more");
}

void
problem_cause_openssl(struct problem *pr, const char *what)
{
	char text[160] = "no error queued";
	unsigned long code = ERR_get_error();

	if (code)
		ERR_error_string_n(code, text, sizeof(text));
	ERR_clear_error();
	problem_cause(pr, "%s: %s", what, text);
}

const char *
problem_type(enum problem_kind kind)
{
	return kinds[kind].type;
}

int
problem_status(enum problem_kind kind)
{
	return kinds[kind].status;
}

enum problem_kind
problem_kind_of(struct span type)
{
	if (span_starts(type, PROBLEM_URN))
		type = span_from(type, sizeof(PROBLEM_URN) - 1);
	for (size_t i = 1; i < COUNT_OF(kinds); i++) {
		if (span_is(type, kinds[i].type))
			return (enum problem_kind)i;
	}
	return PROBLEM_NONE;
}

const char *
problem_quote(struct span foreign, char *dst, size_t size)
{
	size_t n = foreign.n < size - 1 ? foreign.n : size - 1;

	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)foreign.p[i];

		dst[i] = c >= 0x20 && c < 0x7f && c != '"' ? (char)c : '?';
	}
	dst[n] = '\0';
	return dst;
}
