/* reload.c - what a reload may not change; see conf.h. Values are compared in their written form.
 */
#include <string.h>

#include "conf/conf.h"
#include "conf/value.h"

static void compare(const struct conf_key *keys, const char *where, const char *was, const char *is,
	struct conf_errors *errors);

static void
compare_list(const struct conf_key *key, const char *where, const struct conf_list *was,
	const struct conf_list *is, struct conf_errors *errors)
{
	if (was->count != is->count) {
		conf_error(errors, where,
			"cannot change while running: running with %zu entries, the file has %zu",
			was->count, is->count);
		return;
	}
	for (size_t i = 0; i < was->count; i++) {
		AUTO_FREE char *here = xasprintf("%s[%zu]", where, i);

		compare(key->sub, here, (char *)was->list + i * key->sub_size,
			(char *)is->list + i * key->sub_size, errors);
	}
}

static void
compare_value(const struct conf_key *key, const char *where, const void *was, const void *is,
	struct conf_errors *errors)
{
	AUTO_BUF a = BUF_MAX(64 * 1024);
	AUTO_BUF b = BUF_MAX(64 * 1024);

	conf_value_write(key, was, &a);
	conf_value_write(key, is, &b);
	if (!span_eq(buf_span(&a), buf_span(&b)))
		conf_error(errors, where,
			"cannot change while running: running with %s, the file says %s",
			buf_cstr(&a), buf_cstr(&b));
}

static void
compare(const struct conf_key *keys, const char *where, const char *was, const char *is,
	struct conf_errors *errors)
{
	for (const struct conf_key *k = keys; k->name; k++) {
		AUTO_FREE char *here = xasprintf("%s%s%s", where, *where ? "." : "", k->name);

		if (k->kind == CONF_GROUP)
			compare(k->sub, here, was + k->offset, is + k->offset, errors);
		else if (k->flags & CONF_RELOAD)
			continue;
		else if (k->kind == CONF_LIST)
			compare_list(k, here, (const void *)(was + k->offset),
				(const void *)(is + k->offset), errors);
		else
			compare_value(k, here, was + k->offset, is + k->offset, errors);
	}
}

bool
conf_may_reload(const struct conf_key *keys, const void *old_conf, const void *new_conf,
	struct conf_errors *errors)
{
	unsigned before = errors->count;

	compare(keys, "", old_conf, new_conf, errors);
	return errors->count == before;
}
