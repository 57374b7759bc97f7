/* ask.h - asking the admin API of a scene, and looking into its answers. Once in a program. */
#ifndef TESTS_ADMIN_ASK_H
#define TESTS_ADMIN_ASK_H

#include <stdlib.h>

#include "../httpd/rig.h"
#include "scene.h"
#include "tap.h"

static struct scene scene;

/* One request on a connection of its own; the body is parsed into *ret_doc. Returns the status. */
static inline int
ask(const char *method, const char *path, const char *body, struct json **ret_doc)
{
	struct link l = rig_connect_unix(scene.socket);
	AUTO_BUF request = BUF_MAX(1 << 20);
	AUTO_BUF reply = BUF_MAX(1 << 22);
	struct problem pr = { 0 };
	int status = 0;

	buf_addf(&request, "%s %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
		method, path, body ? strlen(body) : 0, body ? body : "");
	rig_say(&l, buf_cstr(&request));
	*ret_doc = NULL;
	if (rig_reply(&l, false, &reply)) {
		status = rig_status(&reply);
		if (!json_parse(rig_body(&reply), "reply", NULL, ret_doc, &pr))
			printf("# %s: %.*s\n", pr.detail, SPAN_FMT(rig_body(&reply)));
	}
	rig_close(&l);
	return status;
}

/* "a.b[0].c" within a document, as text. */
static inline char *
at(const struct json *doc, const char *path)
{
	const struct json_node *n = json_root(doc);
	AUTO_BUF text = BUF_MAX(1 << 20);

	while (*path && n) {
		size_t len = strcspn(path, ".[");
		AUTO_FREE char *name = span_dup(span_of(path, len));

		if (len)
			n = json_get(n, name);
		path += len;
		if (*path == '[')
			n = json_at(n, strtoul(path + 1, (char **)(uintptr_t)&path, 10));
		path += *path == ']' || *path == '.';
	}
	if (n && json_type(n) == JSON_STRING)
		return span_dup(json_text(n));
	if (n)
		json_write(n, &text);
	return xstrdup(buf_cstr(&text));
}

static inline void
has(const struct json *doc, const char *path, const char *want)
{
	AUTO_FREE char *got = at(doc, path);

	is_str(got, want, "  %s", path);
}

struct want {
	const char *path, *value;
};

static inline void
get(const char *path, int status, const char *name, const struct want *wants)
{
	struct json *doc;

	is_int(ask("GET", path, NULL, &doc), status, "%s: %s", path, name);
	for (; wants && wants->path; wants++)
		has(doc, wants->path, wants->value);
	json_free(doc);
}

#define WANT(...) ((const struct want[]){ __VA_ARGS__, { NULL, NULL } })
#endif
