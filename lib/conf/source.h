/* source.h - a configuration file as libconfig's tree, with the place of every setting (inside
 * lib/conf only).
 *
 * libconfig 1.5 ends the process when an included file cannot be read, forgets absolute paths of
 * includes once a folder is set, wraps integers above 2^31 silently and needs a minute for a group
 * of 60,000 keys. So the includes are joined, the integers checked and the keys counted here,
 * before it sees the text; lines are translated back. */
#ifndef CONF_SOURCE_H
#define CONF_SOURCE_H

#include <stdarg.h>

#include <libconfig.h>

#include "conf/conf.h"

/* Where something stands; line 0 = the file as a whole. `file` lives as long as the source. */
struct conf_place {
	const char *file;
	unsigned line;
};

/* Read and parse; faults go to `errors`. NULL on any. `text`: SPAN_NONE = read the file `path`. */
struct conf_source *conf_source_open(
	const char *path, struct span text, struct conf_errors *errors);
void conf_source_free(struct conf_source *src);
const config_setting_t *conf_source_root(const struct conf_source *src);
struct conf_place conf_source_place(const struct conf_source *src, const config_setting_t *setting);
/* The deepest setting on the way of a path such as "profiles[1].name". */
struct conf_place conf_source_locate(const struct conf_source *src, const char *where);

/* Add one fault. `where` may be NULL. */
__attribute__((format(printf, 4, 5))) void conf_fault(struct conf_errors *errors,
	struct conf_place place, const char *where, const char *fmt, ...);
__attribute__((format(printf, 4, 0))) void conf_vfault(struct conf_errors *errors,
	struct conf_place place, const char *where, const char *fmt, va_list ap);
#endif
