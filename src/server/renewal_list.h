/* renewal_list.h - certIDs that somebody asks about, and what is said of each (RFC 9773 4; doc/mass-ari.md). The thread that has it. */
#ifndef SERVER_RENEWAL_LIST_H
#define SERVER_RENEWAL_LIST_H

#include "renewal/renewal.h"
#include "server/api.h"

#define RENEWAL_GET_MAX 64    /* certIDs in a URL */
#define RENEWAL_POST_MAX 1000 /* and in a signed request */
#define RENEWAL_TAG_TEXT 9    /* 8 characters, and NUL */

struct renewal_item {
	struct span text; /* as it was asked; lives as long as the request */
	enum renewal_item_state { RENEWAL_LOOK, RENEWAL_FOUND, RENEWAL_UNKNOWN, RENEWAL_BAD } state;
	struct renewal_info info;
	struct span tag;  /* that the asker has of it, SPAN_NONE = none */
};
/* In the order they were asked, each once. */
struct renewal_list {
	struct renewal_item *items; /* owned */
	size_t count, room;
	uint16_t *seen;             /* places of items by their text, from 1; owned */
	size_t seen_size;           /* a power of two, at least twice the room */
	size_t looking;             /* those that memory does not have */
	int64_t now;                /* unix s, of all of the answer */
};
/* Room for at most `max`. */
void renewal_list_init(struct renewal_list *l, size_t max);
void renewal_list_done(struct renewal_list *l);
/* One more, unless it is there; looked for in memory. */
void renewal_list_add(struct renewal_list *l, struct renewal *r, struct span text, struct span tag);
/* Those that memory does not have, from the store: a transaction function's part, may run again. */
bool renewal_list_find(struct renewal_list *l, struct renewal *r, struct sql *db, struct problem *pr) MUST_CHECK;
/* Each is told as its own problem or its window; what has ended, and what is not of this principal (0 = any), is unknown. */
void renewal_list_judge(struct renewal_list *l, int64_t principal);
void renewal_item_problem(const struct renewal_item *item, struct problem *ret);

/* The RFC 9773 object, as a member or, with name NULL, as the root. */
void renewal_write(struct jw *w, const char *name, const struct gate_conf *conf, const struct renewal_info *info);
/* The page about a window that was moved; NULL = none. */
const char *renewal_explanation(const struct gate_conf *conf, const struct renewal_info *info);
void renewal_tag(const struct gate_conf *conf, const struct renewal_info *info, char ret[RENEWAL_TAG_TEXT]);
/* Of all that is said, whatever the order: 43 characters, and NUL. */
#define RENEWAL_ETAG_TEXT 44
void renewal_etag(const struct gate_conf *conf, const struct renewal_list *l, char ret[RENEWAL_ETAG_TEXT]);
/* "entries" and "errors" of an answer to a list; *ret_retry_s is lowered to the least of them. */
void renewal_list_write(struct jw *w, const struct gate_conf *conf, const struct renewal_list *l, int64_t *ret_retry_s);
/* A member of "entries". */
void renewal_entry_write(struct jw *w, const struct gate_conf *conf, const char *name, const struct renewal_info *info, struct span known_tag, int64_t now);
#endif
