/* conf.h - a table-driven loader on libconfig: one row per key, all errors with file:line, unknown keys refused.
 *
 * The same rows print the commented example file and the man page's list. Any thread; before use, the result is
 * immutable by convention. */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include <stddef.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/problem.h"

enum conf_kind {
	CONF_STRING,  /* char *; NULL if no default */
	CONF_BOOL,    /* bool */
	CONF_INT,     /* int64_t */
	CONF_SIZE,    /* int64_t octets: "64K", "1M" */
	CONF_TIME,    /* int64_t seconds: "7d", "10m", "30s", "1h" */
	CONF_MSEC,    /* int64_t milliseconds: "500ms", "10s" */
	CONF_ADDR,    /* struct addr: "127.0.0.1:443" */
	CONF_CHOICE,  /* int; `choices` is "a|b|c", the value its index */
	CONF_STRINGS, /* struct conf_strings: a list of strings */
	CONF_ADDRS,   /* struct conf_addrs */
	CONF_NETS,    /* struct conf_nets */
	CONF_GROUP,   /* struct placed inside: `sub` table */
	CONF_LIST     /* struct conf_list of structs: `sub` table, size `sub_size`; libconfig list of groups */
};

struct conf_strings { char **list; size_t count; };
struct conf_addrs { struct addr *list; size_t count; };
struct conf_nets { struct net *list; size_t count; };
struct conf_list { void *list; size_t count; };

#define CONF_RELOAD 1   /* may change on reload */
#define CONF_REQUIRED 2 /* must be given */
#define CONF_SECRET 4   /* must be file: or credential: */

struct conf_key {
	enum conf_kind kind;
	const char *name;
	size_t offset;
	const char *def;          /* default as text, NULL = none */
	const char *lo, *hi;      /* bounds as text, NULL = none */
	unsigned flags;
	const char *help;         /* one line */
	const char *choices;      /* CONF_CHOICE */
	const struct conf_key *sub; /* CONF_GROUP, CONF_LIST; ends with a row whose name is NULL */
	size_t sub_size;
	const char *example;      /* for the example file, NULL = the default commented out */
};

/* All faults found, one "file:line: text\n" each. */
struct conf_errors { struct buf text; unsigned count; };

/* Fill `out` (zeroed, of the size the table is for) from the file, defaults first. False if errors were found. */
bool conf_load(const char *path, const struct conf_key *keys, void *out, struct conf_errors *errors) __attribute__((warn_unused_result));
/* Free what the loader allocated inside `out` (not `out`). */
void conf_done(const struct conf_key *keys, void *out);
/* Add a fault found by a check of the caller's own: path like "profiles[1].name" is located in the file when known. */
__attribute__((format(printf, 3, 4))) void conf_error(struct conf_errors *errors, const char *where, const char *fmt, ...);
/* Differences that a reload may not make: fills errors with keys lacking CONF_RELOAD that differ. */
bool conf_may_reload(const struct conf_key *keys, const void *old_conf, const void *new_conf, struct conf_errors *errors);
/* The commented example file; the list for the man page (mdoc); the present values as JSON, secrets' places shown only. */
bool conf_write_example(const struct conf_key *keys, struct buf *out);
bool conf_write_mdoc(const struct conf_key *keys, struct buf *out);
bool conf_write_json(const struct conf_key *keys, const void *conf, struct buf *out);
#endif
