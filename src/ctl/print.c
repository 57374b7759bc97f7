/* print.c - words for people and scripts; see ctl.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "json/jw.h"

#define LABEL_WIDTH 16

void
ctl_add_clean(struct buf *out, struct span text)
{
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];
		/* the C1 control characters as UTF-8: 0xc2 0x80 to 0xc2 0x9f */
		bool c1 = c == 0xc2 && i + 1 < text.n && (unsigned char)text.p[i + 1] < 0xa0;

		if (c < 0x20 || c == 0x7f || c1)
			buf_addc(out, '?');
		else
			buf_addc(out, (char)c);
		i += c1;
	}
}

int
ctl_flush(struct ctl *ctl)
{
	if (ctl->out.n && (fwrite(ctl->out.p, 1, ctl->out.n, stdout) != ctl->out.n || fflush(stdout) != 0)) {
		perror("acmegatectl: stdout");
		return CTL_FAILED;
	}
	buf_clear(&ctl->out);
	return CTL_DONE;
}

static void
print_message(const char *prefix, const char *text)
{
	AUTO_BUF clean = BUF_MAX(1024 * 1024);

	ctl_add_clean(&clean, span_str(text));
	fprintf(stderr, "%s%s\n", prefix, buf_cstr(&clean));
}

int
ctl_fail(struct ctl *ctl, int code, const char *fmt, ...)
{
	AUTO_BUF json = BUF_MAX(1024 * 1024);
	struct jw w = jw_to(&json);
	char *text;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	va_end(ap);
	if (ctl->json) {
		jw_object(&w, NULL);
		jw_str(&w, "detail", text);
		jw_int(&w, "exit", code);
		jw_end(&w);
		fprintf(stderr, "%s\n", buf_cstr(&json));
	} else {
		print_message("acmegatectl: ", text);
	}
	free(text);
	return code;
}

void
ctl_note(struct ctl *ctl, const char *fmt, ...)
{
	char *text;
	va_list ap;

	if (ctl->json)
		return;
	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	va_end(ap);
	print_message("", text);
	free(text);
}

/* Bold, if the terminal can and nobody objects; never the only sign of anything. */
static void
add_bold(struct ctl *ctl, const char *text)
{
	buf_addf(&ctl->out, ctl->color ? "\033[1m%s\033[0m" : "%s", text);
}

void
ctl_title(struct ctl *ctl, const char *title)
{
	if (ctl->plain)
		return;
	if (ctl->out.n)
		buf_addc(&ctl->out, '\n');
	add_bold(ctl, title);
	buf_addc(&ctl->out, '\n');
}

void
ctl_field(struct ctl *ctl, const char *label, struct span value)
{
	size_t n = strlen(label);

	if (value.n == 0)
		return;
	if (ctl->plain) {
		buf_addf(&ctl->out, "%s\t", label);
	} else {
		add_bold(ctl, label);
		for (; n < LABEL_WIDTH; n++)
			buf_addc(&ctl->out, ' ');
	}
	ctl_add_clean(&ctl->out, value);
	buf_addc(&ctl->out, '\n');
}

char *
ctl_text(const struct json_node *n)
{
	AUTO_BUF text = BUF_MAX(1024 * 1024);

	if (!n || json_type(n) == JSON_NULL)
		return xstrdup("");
	if (json_type(n) == JSON_STRING)
		return span_dup(json_text(n));
	json_write(n, &text);
	return xstrdup(buf_cstr(&text));
}

void
ctl_field_member(struct ctl *ctl, const char *label, const struct json_node *object, const char *name)
{
	AUTO_FREE char *text = ctl_text(json_get(object, name));

	ctl_field(ctl, label, span_str(text));
}

char *
ctl_idents(const struct json_node *identifiers)
{
	AUTO_BUF text = BUF_MAX(1024 * 1024);

	for (size_t i = 0; i < json_count(identifiers); i++) {
		struct span type = json_text(json_get(json_at(identifiers, i), "type"));
		struct span value = json_text(json_get(json_at(identifiers, i), "value"));

		buf_adds(&text, i ? ", " : "");
		/* a device as a rule would name it; what a name or an address is can be seen */
		if (!span_is(type, "dns") && !span_is(type, "ip"))
			buf_addf(&text, "%.*s:", SPAN_FMT(type));
		buf_addspan(&text, value);
	}
	return xstrdup(buf_cstr(&text));
}

char *
ctl_problem(const struct json_node *problem)
{
	struct span type = json_text(json_get(problem, "type")), detail = json_text(json_get(problem, "detail"));

	if (!problem)
		return xstrdup("");
	if (span_starts(type, PROBLEM_URN))
		type = span_from(type, strlen(PROBLEM_URN));
	return xasprintf("%.*s: %.*s", SPAN_FMT(type), SPAN_FMT(detail));
}

void
ctl_print_json(struct ctl *ctl, const struct ctl_reply *rp)
{
	buf_addspan(&ctl->out, buf_span(&rp->body));
	buf_addc(&ctl->out, '\n');
}

void
ctl_print_rest(struct ctl *ctl, const struct json_node *list, size_t shown)
{
	struct span next = json_text(json_get(list, "next"));
	int64_t total = 0;

	json_int(json_get(list, "total"), &total);
	/* also with nothing to show: an empty list must not read as "nothing happened" */
	ctl_note(ctl, "%zu of %lld%s%s%.*s%s", shown, (long long)total, json_bool(json_get(list, "total_is_exact"), true) ? "" : " or more",
		next.n ? "; go on with --before " : "", SPAN_FMT(next), "");
}

int
ctl_confirm(struct ctl *ctl, const char *fmt, ...)
{
	char answer[16] = "";
	char *text;
	va_list ap;

	if (ctl_opt(ctl, "yes"))
		return CTL_DONE;
	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	va_end(ap);
	if (!isatty(STDIN_FILENO)) {
		int code = ctl_fail(ctl, CTL_USAGE, "%s: say --yes, nobody can be asked here", text);

		free(text);
		return code;
	}
	fprintf(stderr, "%s? [y/N] ", text);
	free(text);
	if (fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y'))
		return CTL_DONE;
	return ctl_fail(ctl, CTL_FAILED, "nothing was done");
}
