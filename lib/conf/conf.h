/* conf.h - a table-driven loader on libconfig: one row per key, all errors with file:line, unknown
 * keys refused.
 *
 * The file is libconfig's language: `name = value;`, groups { }, lists ( ), arrays [ ], comments #
 * and //, and @include "FILE" (relative to the file that says it). The same rows print the
 * commented example file and the man page's list. Any thread; before use, the result is immutable
 * by convention.
 *
 *   struct conf_errors errors = CONF_ERRORS;
 *   bool good = conf_load(path, keys, &conf, &errors);
 *   if (errors.parsed && conf.cert && !conf.key)
 *           conf_error(&errors, "tls_key", "is needed when tls_cert is given");
 *   if (errors.count)
 *           fputs(buf_cstr(&errors.text), stderr);
 *   conf_errors_done(&errors);
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include <stddef.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/problem.h"

enum conf_kind {
	CONF_STRING,  /* char *; NULL if no default; bounds are lengths, highest 4096 octets */
	CONF_BOOL,    /* bool */
	CONF_INT,     /* int64_t */
	CONF_SIZE,    /* int64_t octets: "64K", "1M", "2G" or a plain integer */
	CONF_TIME,    /* int64_t seconds: "30s", "10m", "1h", "7d", "2w" or a plain integer */
	CONF_MSEC,    /* int64_t milliseconds: "500ms", "10s"; of plain integers only 0 */
	CONF_ADDR,    /* struct addr: "127.0.0.1:443" */
	CONF_CHOICE,  /* int; `choices` is "a|b|c", the value its index */
	CONF_STRINGS, /* struct conf_strings; bounds of lists are counts, highest 10000 if not given */
	CONF_ADDRS,   /* struct conf_addrs */
	CONF_NETS,    /* struct conf_nets */
	CONF_GROUP,   /* struct placed inside: `sub` table */
	CONF_LIST     /* struct conf_list of structs: `sub` table, size `sub_size`; ( { }, { } ) */
};

struct conf_strings { char **list; size_t count; };
struct conf_addrs { struct addr *list; size_t count; };
struct conf_nets { struct net *list; size_t count; };
struct conf_list { void *list; size_t count; };

#define CONF_RELOAD 1   /* may change on reload */
#define CONF_REQUIRED 2 /* must be given */
#define CONF_SECRET 4   /* must be file: or credential: */
#define CONF_SHOWN 8    /* the example file has it as if it were required: one of several that are */

struct conf_key {
	enum conf_kind kind;
	const char *name;
	size_t offset;
	const char *def;          /* default as text, lists separated by blanks, NULL = none */
	const char *lo, *hi;      /* bounds as text, NULL = none */
	unsigned flags;
	const char *help;         /* one line, no full stop at the end */
	const char *choices;      /* CONF_CHOICE */
	const struct conf_key *sub; /* CONF_GROUP, CONF_LIST; ends with a row whose name is NULL */
	size_t sub_size;
	const char *example;      /* for the example file, NULL = the default; live if required */
};

#define CONF_FILE_MAX (4 * 1024 * 1024) /* octets, includes together */

struct conf_source; /* the file read, kept to know which line a key stands on */

/* All faults found, one "file:line: key: text\n" each. One owner; done with conf_errors_done. */
struct conf_errors {
	struct buf text; /* what does not fit under its ceiling is counted only */
	unsigned count;
	bool parsed; /* the file's form was understood: checks of the caller's own make sense */
	struct conf_source *source;
};
#define CONF_ERRORS ((struct conf_errors){ .text = BUF_MAX(64 * 1024) })
void conf_errors_done(struct conf_errors *errors);

/* Fill `out` (zeroed, of the size the table is for) from the file, defaults first. False if errors
 * were found; then too conf_done is due. Refused: unknown and doubled keys, wrong types, values out
 * of bounds, files over CONF_FILE_MAX, writable by all, or not regular. */
bool conf_load(const char *path, const struct conf_key *keys, void *out, struct conf_errors *errors)
	MUST_CHECK;
/* The same from a text, called `name` in errors; @include is refused. */
bool conf_load_text(const char *name, struct span text, const struct conf_key *keys, void *out,
	struct conf_errors *errors) MUST_CHECK;
/* Free what the loader allocated inside `out` (not `out`). */
void conf_done(const struct conf_key *keys, void *out);
/* Add a fault found by a check of the caller's own. A path like "profiles[1].name" is located in
 * the file loaded last; if the key is not in the file, the nearest thing around it is. NULL: about
 * the file as a whole. */
__attribute__((format(printf, 3, 4))) void conf_error(
	struct conf_errors *errors, const char *where, const char *fmt, ...);
/* "7d", "90s", "15" (seconds) as the file would have it. */
bool conf_time_parse(struct span text, int64_t *ret_s);
/* Differences that a reload may not make: fills errors with keys lacking CONF_RELOAD that differ.
 * Each key in a group has a say of its own; a list with CONF_RELOAD may change in any way, one
 * without only in its keys that have the flag. */
bool conf_may_reload(const struct conf_key *keys, const void *old_conf, const void *new_conf,
	struct conf_errors *errors);
/* The commented example file; the list for the man page (mdoc); the present values as JSON in the
 * file's own units ("7d"), secrets' places shown only. False if `out` is full. */
bool conf_write_example(const struct conf_key *keys, struct buf *out);
bool conf_write_mdoc(const struct conf_key *keys, struct buf *out);
bool conf_write_json(const struct conf_key *keys, const void *conf, struct buf *out);
#endif
