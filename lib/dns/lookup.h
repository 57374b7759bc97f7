/* lookup.h - one look-up in flight. Within the room; the loop's thread, unless it says otherwise. */
#ifndef DNS_LOOKUP_H
#define DNS_LOOKUP_H

#include <pthread.h>
#include <sys/queue.h>

#include <ares.h>

#include "base/buf.h"
#include "dns/answer.h"

#define DNS_MESSAGE_MAX_BYTES 65535

/* An array, linked; list NULL = the system's. */
struct servers {
	struct ares_addr_port_node *list;
	size_t count;
};

struct lookup {
	TAILQ_ENTRY(lookup) entry;
	struct dns *dns;
	struct servers servers; /* its own, or those of dns */
	enum dns_how how;
	char *name;
	char target[DNS_NAME_TEXT]; /* asked now: the name, or what it is an alias of */
	msec_t timeout_ms, deadline_ms;
	dns_addrs_fn addrs_fn;      /* one of the two */
	dns_records_fn records_fn;
	void *arg;
	ares_channel channel;
	bool has_channel;
	bool second; /* round */
	LIST_HEAD(, watch) watches;
	struct timer *timer;
	struct answer answers[2]; /* AAAA and A; or the type of the records, alone */
	size_t answer_count;
	/* records: */
	struct buf message;
	struct dns_records records; /* of message */
	char alias[DNS_NAME_TEXT];  /* unless DNS_FOLLOW: what the name is an alias of, "" = of nothing */
	unsigned aliases;
	const char *fault; /* of an answer that came */
};
TAILQ_HEAD(lookups, lookup);

struct dns {
	struct loop *loop;
	struct servers servers;
	struct lookups running; /* loop's thread */
	bool is_ending;         /* likewise: nothing more is started */
	pthread_mutex_t lock;
	struct lookups inbox; /* under lock */
};

/* Any thread: made, filled by the caller, posted; owned by the dns from then on. */
struct lookup *lookup_new(struct dns *dns, const struct dns_ask *ask, void *arg);
void lookup_post(struct lookup *l);

/* Ask; it ends by its callback, perhaps before this returns. */
void lookup_begin(struct lookup *l);
/* It gets its callback, and is no more. */
void lookup_drop(struct lookup *l);
void lookup_free(struct lookup *l);
#endif
