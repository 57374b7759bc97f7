/* json.c - the present values as JSON; see conf.h. */
#include <string.h>

#include "conf/conf.h"
#include "conf/value.h"
#include "json/jw.h"

static void
write_value(struct jw *w, const struct conf_key *key, const void *field)
{
	AUTO_BUF text = BUF_MAX(64);
	char choice[32];

	switch (key->kind) {
	case CONF_STRING:
		jw_str(w, key->name, *(char *const *)field);
		break;
	case CONF_BOOL:
		jw_bool(w, key->name, *(const bool *)field);
		break;
	case CONF_INT:
		jw_int(w, key->name, *(const int64_t *)field);
		break;
	case CONF_CHOICE:
		jw_str(w, key->name, conf_choice_name(key, *(const int *)field, choice));
		break;
	case CONF_ADDR:
		conf_value_write_addr(field, &text);
		jw_span(w, key->name, buf_span(&text));
		break;
	default:
		conf_value_write_number(key->kind, *(const int64_t *)field, &text);
		jw_span(w, key->name, buf_span(&text));
	}
}

static void
write_strings(struct jw *w, const struct conf_key *key, const void *field)
{
	jw_array(w, key->name);
	for (size_t i = 0; i < conf_value_count(key, field); i++) {
		AUTO_BUF text = BUF_MAX(8 * 1024);

		conf_value_write_element(key, field, i, &text);
		jw_span(w, NULL, buf_span(&text));
	}
	jw_end(w);
}

static void
write_members(struct jw *w, const struct conf_key *keys, const char *base)
{
	for (const struct conf_key *k = keys; k->name; k++) {
		const char *field = base + k->offset;
		const struct conf_list *list = (const void *)field;

		if (k->kind == CONF_GROUP) {
			jw_object(w, k->name);
			write_members(w, k->sub, field);
			jw_end(w);
		} else if (k->kind == CONF_LIST) {
			jw_array(w, k->name);
			for (size_t i = 0; i < list->count; i++) {
				jw_object(w, NULL);
				write_members(
					w, k->sub, (const char *)list->list + i * k->sub_size);
				jw_end(w);
			}
			jw_end(w);
		} else if (conf_is_strings(k->kind)) {
			write_strings(w, k, field);
		} else {
			write_value(w, k, field);
		}
	}
}

bool
conf_write_json(const struct conf_key *keys, const void *conf, struct buf *out)
{
	struct jw w = jw_to(out);

	jw_object(&w, NULL);
	write_members(&w, keys, conf);
	jw_end(&w);
	return jw_ok(&w);
}
