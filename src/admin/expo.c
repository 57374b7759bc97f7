/* expo.c - see expo.h. */
#include "admin/expo.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"

#define BOUND_TEXT 32

bool
expo_wants_open_metrics(struct span accept)
{
	struct span part, type;

	/* Prometheus names the ones that it likes best first, with weights that fall */
	while (span_cut(&accept, ',', &part)) {
		if (!span_cut(&part, ';', &type))
			continue;
		type = span_trim(type);
		if (span_is_nocase(type, "text/plain") || span_is_nocase(type, "*/*"))
			return false;
		if (span_is_nocase(type, "application/openmetrics-text"))
			return true;
	}
	return false;
}

const char *
expo_content_type(bool open_metrics)
{
	return open_metrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8" : "text/plain; version=0.0.4; charset=utf-8";
}

/* Backslash and line end; the quote too within a label's value. */
static void
add_escaped(struct buf *out, const char *text, bool quote)
{
	for (; *text; text++) {
		if (*text == '\n')
			buf_adds(out, "\\n");
		else if (*text == '\\' || (*text == '"' && quote))
			buf_addf(out, "\\%c", *text);
		else
			buf_addc(out, *text);
	}
}

void
expo_family(struct expo *x, enum expo_type type, const char *name, const char *help)
{
	static const char *const types[] = { [EXPO_COUNTER] = "counter", [EXPO_GAUGE] = "gauge", [EXPO_HISTOGRAM] = "histogram" };
	const char *total = type == EXPO_COUNTER && !x->open_metrics ? "_total" : "";

	x->type = type;
	x->family = name;
	buf_addf(x->out, "# HELP %s%s ", name, total);
	add_escaped(x->out, help, x->open_metrics);
	buf_addf(x->out, "\n# TYPE %s%s %s\n", name, total, types[type]);
}

/* Name and labels up to the value. `le`: the bound of a bucket, or NULL. */
static void
begin_sample(struct expo *x, const char *suffix, const char *le, va_list labels)
{
	const char *name, *sep = "{";

	buf_addf(x->out, "%s%s", x->family, suffix);
	while ((name = va_arg(labels, const char *))) {
		buf_addf(x->out, "%s%s=\"", sep, name);
		add_escaped(x->out, va_arg(labels, const char *), true);
		buf_addc(x->out, '"');
		sep = ",";
	}
	if (le) {
		buf_addf(x->out, "%sle=\"%s\"", sep, le);
		sep = ",";
	}
	buf_adds(x->out, *sep == ',' ? "} " : " ");
}

static const char *
suffix_of(const struct expo *x)
{
	return x->type == EXPO_COUNTER ? "_total" : "";
}

void
expo_int(struct expo *x, int64_t value, ...)
{
	va_list labels;

	va_start(labels, value);
	begin_sample(x, suffix_of(x), NULL, labels);
	va_end(labels);
	buf_addf(x->out, "%lld\n", (long long)value);
}

void
expo_real(struct expo *x, double value, ...)
{
	va_list labels;

	va_start(labels, value);
	begin_sample(x, suffix_of(x), NULL, labels);
	va_end(labels);
	buf_addf(x->out, "%.6f\n", value);
}

static void
add_count(struct expo *x, const char *suffix, const char *le, uint64_t count, va_list labels)
{
	va_list copy;

	va_copy(copy, labels);
	begin_sample(x, suffix, le, copy);
	va_end(copy);
	buf_addf(x->out, "%llu\n", (unsigned long long)count);
}

/* "0.005", "1.0": one form for both formats, for it is part of a series' name. */
static void
bound_text(unsigned bound_us, char dst[BOUND_TEXT])
{
	int n = snprintf(dst, BOUND_TEXT, "%u.%06u", bound_us / 1000000, bound_us % 1000000);

	while (dst[n - 1] == '0' && dst[n - 2] != '.')
		dst[--n] = '\0';
}

void
expo_histogram(struct expo *x, const unsigned *bounds_us, const uint64_t *counts, size_t n, uint64_t sum_us, ...)
{
	uint64_t count = 0;
	char bound[BOUND_TEXT];
	va_list labels, copy;

	va_start(labels, sum_us);
	for (size_t i = 0; i <= n; i++) {
		count += counts[i];
		if (i < n)
			bound_text(bounds_us[i], bound);
		add_count(x, "_bucket", i < n ? bound : "+Inf", count, labels);
	}
	va_copy(copy, labels);
	begin_sample(x, "_sum", NULL, copy);
	va_end(copy);
	buf_addf(x->out, "%llu.%06llu\n", (unsigned long long)(sum_us / 1000000), (unsigned long long)(sum_us % 1000000));
	add_count(x, "_count", NULL, count, labels);
	va_end(labels);
}

void
expo_end(struct expo *x)
{
	if (x->open_metrics)
		buf_adds(x->out, "# EOF\n");
}
