/* load.c - the walk of libconfig's tree along the table of keys; see conf.h.
 *
 * Every row of a table is looked up in its group (absent: the default), then every setting of the
 * group in the table (absent: unknown key). A fault is noted and the walk goes on, so that one run
 * tells all of them. */
#include <stdlib.h>
#include <string.h>

#include "conf/source.h"
#include "conf/value.h"

/* Where we are, innermost first; written out only when there is a fault to tell. */
struct path {
	const struct path *up;
	const char *name; /* NULL: element `index` of what is above */
	size_t index;
};

struct loader {
	struct conf_errors *errors;
	const struct conf_source *src;
};

static void
path_write(const struct path *p, struct buf *out)
{
	if (!p)
		return;
	path_write(p->up, out);
	if (!p->name)
		buf_addf(out, "[%zu]", p->index);
	else
		buf_addf(out, "%s%s", p->up ? "." : "", p->name);
}

__attribute__((format(printf, 4, 5))) static void
fault(const struct loader *l, const config_setting_t *at, const struct path *path, const char *fmt,
	...)
{
	AUTO_BUF where = BUF_MAX(1024);
	va_list ap;

	path_write(path, &where);
	va_start(ap, fmt);
	conf_vfault(l->errors, conf_source_place(l->src, at), buf_cstr(&where), fmt, ap);
	va_end(ap);
}

static unsigned
least3(unsigned a, unsigned b, unsigned c)
{
	unsigned ab = a < b ? a : b;

	return ab < c ? ab : c;
}

#define NAME_MAX_SHOWN 40

/* Levenshtein's distance; names longer than NAME_MAX_SHOWN are far from everything. */
static unsigned
distance(const char *a, const char *b)
{
	unsigned row[NAME_MAX_SHOWN + 1], diagonal, above;
	size_t an = strlen(a), bn = strlen(b);

	if (an > NAME_MAX_SHOWN || bn > NAME_MAX_SHOWN)
		return NAME_MAX_SHOWN;
	for (size_t j = 0; j <= bn; j++)
		row[j] = (unsigned)j;
	for (size_t i = 1; i <= an; i++) {
		diagonal = row[0];
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= bn; j++) {
			above = row[j];
			row[j] = least3(
				row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
			diagonal = above;
		}
	}
	return row[bn];
}

static const char *
nearest_key(const struct conf_key *keys, const char *name)
{
	unsigned least = (unsigned)strlen(name) / 3 + 1;
	const char *nearest = NULL;

	for (const struct conf_key *k = keys; k->name; k++) {
		unsigned d = distance(name, k->name);

		if (d <= least && (!nearest || d < least)) {
			least = d;
			nearest = k->name;
		}
	}
	return nearest;
}

static bool
is_known(const struct conf_key *keys, const char *name)
{
	while (keys->name && strcmp(keys->name, name) != 0)
		keys++;
	return keys->name != NULL;
}

static void
refuse_unknown(const struct loader *l, const config_setting_t *group, const struct path *path,
	const struct conf_key *keys)
{
	for (int i = 0; i < config_setting_length(group); i++) {
		const config_setting_t *s = config_setting_get_elem(group, (unsigned)i);
		const char *name = config_setting_name(s), *near;
		struct path here = { path, name, 0 };

		if (is_known(keys, name))
			continue;
		near = nearest_key(keys, name);
		if (near)
			fault(l, s, &here, "unknown key, did you mean \"%s\"?", near);
		else
			fault(l, s, &here, "unknown key");
	}
}

static const char *
type_name(const config_setting_t *s)
{
	static const char *const names[] = { [CONFIG_TYPE_GROUP] = "a group { }",
		[CONFIG_TYPE_INT] = "an integer",
		[CONFIG_TYPE_INT64] = "an integer",
		[CONFIG_TYPE_FLOAT] = "a number with a point",
		[CONFIG_TYPE_STRING] = "a string",
		[CONFIG_TYPE_BOOL] = "true or false",
		[CONFIG_TYPE_ARRAY] = "an array [ ]",
		[CONFIG_TYPE_LIST] = "a list ( )" };
	int type = config_setting_type(s);

	return type > 0 && (size_t)type < COUNT_OF(names) ? names[type] : "nothing";
}

static const char *
expected(const struct conf_key *key)
{
	switch (key->kind) {
	case CONF_BOOL:
		return "true or false";
	case CONF_INT:
		return "an integer";
	case CONF_SIZE:
		return "a size such as \"64K\"";
	case CONF_TIME:
		return "a time such as \"7d\"";
	case CONF_MSEC:
		return "a time with its unit such as \"10s\" or \"500ms\"";
	case CONF_ADDR:
		return "an address such as \"127.0.0.1:443\"";
	case CONF_STRINGS:
	case CONF_ADDRS:
	case CONF_NETS:
		return "a list of strings such as [ \"a\", \"b\" ]";
	case CONF_GROUP:
		return "a group { }";
	case CONF_LIST:
		return "a list of groups ( { }, { } )";
	default:
		return "a string";
	}
}

/* Read what libconfig can have for this kind; false without a problem's detail: the type does not
 * fit. */
static bool
read_scalar(const struct conf_key *key, const config_setting_t *s, void *field, struct problem *pr)
{
	int type = config_setting_type(s);
	const char *text;

	if (key->kind == CONF_BOOL) {
		if (type == CONFIG_TYPE_BOOL)
			*(bool *)field = config_setting_get_bool(s) != 0;
		return type == CONFIG_TYPE_BOOL;
	}
	if (type == CONFIG_TYPE_INT || type == CONFIG_TYPE_INT64) {
		int64_t v = type == CONFIG_TYPE_INT ? config_setting_get_int(s)
						    : config_setting_get_int64(s);

		if (key->kind == CONF_INT || key->kind == CONF_SIZE || key->kind == CONF_TIME ||
			(key->kind == CONF_MSEC && v == 0))
			return conf_value_set_int(key, v, field, pr);
		return false;
	}
	if (type != CONFIG_TYPE_STRING || key->kind == CONF_INT)
		return false;
	text = config_setting_get_string(s);
	return conf_value_read(key, span_str(text ? text : ""), field, pr);
}

static void
load_scalar(const struct loader *l, const config_setting_t *s, const struct path *path,
	const struct conf_key *key, void *field)
{
	struct problem pr = { 0 };

	if (read_scalar(key, s, field, &pr))
		return;
	if (pr.detail[0])
		fault(l, s, path, "%s", pr.detail);
	else
		fault(l, s, path, "expected %s, found %s", expected(key), type_name(s));
}

static bool
count_fits(const struct loader *l, const config_setting_t *s, const struct path *path,
	const struct conf_key *key)
{
	struct problem pr = { 0 };

	if (conf_value_check_count(key, (size_t)config_setting_length(s), &pr))
		return true;
	fault(l, s, path, "%s", pr.detail);
	return false;
}

static void
load_strings(const struct loader *l, const config_setting_t *s, const struct path *path,
	const struct conf_key *key, void *field)
{
	if (!config_setting_is_array(s) && !config_setting_is_list(s)) {
		fault(l, s, path, "expected %s, found %s", expected(key), type_name(s));
		return;
	}
	if (!count_fits(l, s, path, key))
		return;
	for (int i = 0; i < config_setting_length(s); i++) {
		const config_setting_t *e = config_setting_get_elem(s, (unsigned)i);
		const char *text = config_setting_get_string(e);
		struct path here = { path, NULL, (size_t)i };
		struct problem pr = { 0 };

		if (config_setting_type(e) != CONFIG_TYPE_STRING)
			fault(l, e, &here, "expected a string, found %s", type_name(e));
		else if (!conf_value_add(key, span_str(text ? text : ""), field, &pr))
			fault(l, e, &here, "%s", pr.detail);
	}
}

static void load_group(const struct loader *l, const config_setting_t *group,
	const struct path *path, const struct conf_key *keys, char *base);

static void
load_list(const struct loader *l, const config_setting_t *s, const struct path *path,
	const struct conf_key *key, struct conf_list *list)
{
	if (!config_setting_is_list(s)) {
		fault(l, s, path, "expected %s, found %s", expected(key), type_name(s));
		return;
	}
	if (!count_fits(l, s, path, key) || config_setting_length(s) == 0)
		return;
	list->count = (size_t)config_setting_length(s);
	list->list = xcalloc(list->count, key->sub_size);
	for (size_t i = 0; i < list->count; i++) {
		const config_setting_t *e = config_setting_get_elem(s, (unsigned)i);
		struct path here = { path, NULL, i };

		if (config_setting_is_group(e))
			load_group(l, e, &here, key->sub, (char *)list->list + i * key->sub_size);
		else
			fault(l, e, &here, "expected a group { }, found %s", type_name(e));
	}
}

static void
load_default(const struct conf_key *key, void *field)
{
	struct problem pr = { 0 };
	bool good = true;

	if (key->def && conf_is_strings(key->kind))
		good = conf_value_add_all(key, span_str(key->def), field, &pr);
	else if (key->def)
		good = conf_value_read(key, span_str(key->def), field, &pr);
	/* a default that breaks its own row is a fault of the table: every test that loads a file
	 * sees it */
	if (!good)
		abort();
}

static void
load_key(const struct loader *l, const config_setting_t *group, const struct path *path,
	const struct conf_key *key, void *field)
{
	const config_setting_t *s = group ? config_setting_get_member(group, key->name) : NULL;
	struct path here = { path, key->name, 0 };

	if (!s && (key->flags & CONF_REQUIRED))
		fault(l, group, &here, "is required and not there");
	if (key->kind == CONF_GROUP) {
		if (s && !config_setting_is_group(s))
			fault(l, s, &here, "expected a group { }, found %s", type_name(s));
		load_group(l, s && config_setting_is_group(s) ? s : NULL, &here, key->sub, field);
	} else if (key->kind == CONF_LIST) {
		if (s)
			load_list(l, s, &here, key, field);
	} else if (s && conf_is_strings(key->kind)) {
		load_strings(l, s, &here, key, field);
	} else {
		load_default(key, field);
		if (s)
			load_scalar(l, s, &here, key, field);
	}
}

static void
load_group(const struct loader *l, const config_setting_t *group, const struct path *path,
	const struct conf_key *keys, char *base)
{
	for (const struct conf_key *k = keys; k->name; k++)
		load_key(l, group, path, k, base + k->offset);
	if (group)
		refuse_unknown(l, group, path, keys);
}

static bool
load(const char *path, struct span text, const struct conf_key *keys, void *out,
	struct conf_errors *errors)
{
	unsigned before = errors->count;
	struct loader l = { errors, NULL };

	conf_source_free(errors->source);
	errors->source = conf_source_open(path, text, errors);
	errors->parsed = errors->source != NULL;
	if (!errors->parsed)
		return false;
	l.src = errors->source;
	load_group(&l, conf_source_root(l.src), NULL, keys, out);
	return errors->count == before;
}

bool
conf_load(const char *path, const struct conf_key *keys, void *out, struct conf_errors *errors)
{
	return load(path, SPAN_NONE, keys, out, errors);
}

bool
conf_load_text(const char *name, struct span text, const struct conf_key *keys, void *out,
	struct conf_errors *errors)
{
	return load(name, text.p ? text : SPAN(""), keys, out, errors);
}

void
conf_done(const struct conf_key *keys, void *out)
{
	for (const struct conf_key *k = keys; k->name; k++) {
		void *field = (char *)out + k->offset;
		struct conf_list *list = field;

		if (k->kind == CONF_GROUP) {
			conf_done(k->sub, field);
		} else if (k->kind == CONF_LIST) {
			for (size_t i = 0; i < list->count; i++)
				conf_done(k->sub, (char *)list->list + i * k->sub_size);
			free(list->list);
			*list = (struct conf_list){ 0 };
		} else {
			conf_value_done(k, field);
		}
	}
}
