/* value.h - single values of a configuration: from text, to text (inside lib/conf only). */
#ifndef CONF_VALUE_H
#define CONF_VALUE_H

#include "conf/conf.h"

#define CONF_COUNT_MAX 10000 /* elements of a list whose row gives no highest count */

/* Is the kind a list of texts in the file? */
static inline bool
conf_is_strings(enum conf_kind kind)
{
	return kind == CONF_STRINGS || kind == CONF_ADDRS || kind == CONF_NETS;
}

/* Scalars: read the text as the key's kind, check its bounds, store it at `field`. The problem's
 * detail says what was expected. */
bool conf_value_read(
	const struct conf_key *key, struct span text, void *field, struct problem *pr) MUST_CHECK;
/* The same for INT, SIZE, TIME and MSEC from a number. */
bool conf_value_set_int(
	const struct conf_key *key, int64_t v, void *field, struct problem *pr) MUST_CHECK;
/* STRINGS, ADDRS, NETS: append one element. */
bool conf_value_add(
	const struct conf_key *key, struct span text, void *field, struct problem *pr) MUST_CHECK;
/* Append each blank-separated element. */
bool conf_value_add_all(
	const struct conf_key *key, struct span text, void *field, struct problem *pr) MUST_CHECK;
/* Within the bounds of a list's length? */
bool conf_value_check_count(
	const struct conf_key *key, size_t count, struct problem *pr) MUST_CHECK;
/* As the file would have it: "7d" with its quotes, [ "a", "b" ], true. */
void conf_value_write(const struct conf_key *key, const void *field, struct buf *out);
/* The default or example text as the file would have it. */
void conf_value_write_text(const struct conf_key *key, const char *text, struct buf *out);
/* Free what `field` owns; scalars and lists of scalars. */
void conf_value_done(const struct conf_key *key, void *field);
/* INT, SIZE, TIME, MSEC in their shortest exact form without quotes. */
void conf_value_write_number(enum conf_kind kind, int64_t v, struct buf *out);
/* Element i of STRINGS, ADDRS, NETS as text. */
void conf_value_write_element(
	const struct conf_key *key, const void *field, size_t i, struct buf *out);
void conf_value_write_addr(const struct addr *addr, struct buf *out);
size_t conf_value_count(const struct conf_key *key, const void *field);
const char *conf_choice_name(const struct conf_key *key, int value, char dst[32]);
#endif
