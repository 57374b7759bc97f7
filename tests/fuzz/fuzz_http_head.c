/* The request head: no crash, spans within the text, and the scan never hands on what it has not
 * looked at. */
#include <stdlib.h>

#include "httpd/head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FIELDS 64

static void
must(bool good)
{
	if (!good)
		abort();
}

static bool
lies_in(struct span part, struct span text)
{
	return part.n == 0 || span_is(part, "/") ||
		(part.p >= text.p && part.p + part.n <= text.p + text.n);
}

static void
check(const struct http_head *head, struct span text)
{
	must(lies_in(head->target, text) && lies_in(head->path, text));
	must(lies_in(head->query, text) && lies_in(head->host, text));
	must(head->path.n > 0 && head->field_count <= FIELDS);
	must(!(head->chunked && head->length));
	must(head->minor == 0 || head->host.n > 0);
	for (size_t i = 0; i < head->field_count; i++) {
		must(lies_in(head->fields[i].name, text) && head->fields[i].name.n > 0);
		must(lies_in(head->fields[i].value, text));
		for (size_t j = 0; j < head->fields[i].value.n; j++) {
			unsigned char c = (unsigned char)head->fields[i].value.p[j];

			must(c == '\t' || (c >= 0x20 && c != 0x7f));
		}
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct http_limits limits = http_default_limits;
	struct http_field fields[FIELDS];
	struct span text = span_of(data, size);
	struct problem pr = { 0 };
	struct http_scan at_once = { 0 }, by_half = { 0 };
	struct http_head head;
	bool done = false, done_half = false, sound, sound_half;

	limits.fields_max = FIELDS;
	if (http_head_parse(text, &limits, fields, &head, &pr))
		check(&head, text);
	sound = http_head_scan(&at_once, text, &done, &pr);
	sound_half = http_head_scan(&by_half, span_of(data, size / 2), &done_half, &pr);
	if (sound_half && !done_half)
		sound_half = http_head_scan(&by_half, text, &done_half, &pr);
	must(sound == sound_half && (!sound || (done == done_half && at_once.at == by_half.at)));
	if (!sound || !done)
		return 0;
	text.n = at_once.at;
	if (at_once.lines - 1 <= FIELDS && http_head_parse(text, &limits, fields, &head, &pr)) {
		check(&head, text);
		must(head.field_count == at_once.lines - 1);
	}
	return 0;
}
