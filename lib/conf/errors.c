/* errors.c - the list of faults of a configuration; see conf.h. */
#include <stdio.h>

#include "conf/source.h"

void
conf_vfault(struct conf_errors *errors, struct conf_place place, const char *where, const char *fmt,
	va_list ap)
{
	char text[1024];
	struct buf *b = &errors->text;
	size_t before = b->n;

	vsnprintf(text, sizeof(text), fmt, ap);
	if (b->max == 0)
		b->max = CONF_ERRORS.text.max;
	errors->count++;
	if (place.file)
		buf_adds(b, place.file);
	if (place.file && place.line)
		buf_addf(b, ":%u", place.line);
	if (place.file)
		buf_adds(b, ": ");
	if (where && *where)
		buf_addf(b, "%s: ", where);
	buf_adds(b, text);
	buf_addc(b, '\n');
	/* Only whole lines are kept. */
	if (b->failed)
		b->n = before;
}

void
conf_fault(struct conf_errors *errors, struct conf_place place, const char *where, const char *fmt,
	...)
{
	va_list ap;

	va_start(ap, fmt);
	conf_vfault(errors, place, where, fmt, ap);
	va_end(ap);
}

void
conf_error(struct conf_errors *errors, const char *where, const char *fmt, ...)
{
	struct conf_place place = { NULL, 0 };
	va_list ap;

	if (errors->source)
		place = conf_source_locate(errors->source, where ? where : "");
	va_start(ap, fmt);
	conf_vfault(errors, place, where, fmt, ap);
	va_end(ap);
}

void
conf_errors_done(struct conf_errors *errors)
{
	conf_source_free(errors->source);
	buf_done(&errors->text);
	*errors = CONF_ERRORS;
}
