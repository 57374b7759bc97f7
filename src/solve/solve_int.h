/* solve_int.h - inside src/solve only: what its files share. */
#ifndef SOLVE_SOLVE_INT_H
#define SOLVE_SOLVE_INT_H

#include <sys/queue.h>

#include "solve/solve.h"

/* Something under way on the loop; freed with the solve if it is still there then. */
struct pending {
	TAILQ_ENTRY(pending) entry;
	void (*free)(struct pending *pending);
};

struct batcher;
TAILQ_HEAD(batchers, batcher);
struct check;
TAILQ_HEAD(checks, check);

struct solver_state {
	char *name;         /* of the configuration; owned */
	struct buf sealed;  /* TSIG secret; empty = it has none */
	struct solver_stats stats;
};

struct solve {
	struct solve_env env;
	struct solver_state *solvers;
	size_t solver_count;
	TAILQ_HEAD(, pending) pending; /* loop's thread */
	struct batchers batchers;      /* likewise, as are the next two */
	struct checks due;             /* checks that wait for their turn to look up */
	unsigned turns;                /* taken */
};

/* NULL if the configuration at the start had none of this name. */
struct solver_state *solver_state(struct solve *solve, const char *name);

/* The one place where a step of a proof ends. */
void proof_done(struct proof *p, enum proof_result result);
/* The same, not good: `why` is kept, PROOF_SETUP or PROOF_LATER. */
__attribute__((format(printf, 3, 4))) void proof_failed(struct proof *p, enum proof_result result, const char *fmt, ...);

/* A row per kind. Loop's thread, each function. */
struct solver {
	const char *name;
	enum challenge_kind challenge;
	bool is_recorded, has_work; /* a record of ours in the DNS; something to do or to wait for before the CA is told */
	bool proves_wildcards;
	void (*find)(struct proof *p, const struct solver_conf *conf); /* fill the rest of record; then proof_done */
	void (*place)(struct proof *p, const struct solver_conf *conf);
	void (*remove)(struct proof *p, const struct solver_conf *conf);
	void (*ask)(struct proof *p, const struct solver_conf *conf);  /* see proof_ask; NULL = nobody to ask */
	bool is_none; /* it is for names without a proof, whatever the CA offers */
};
const struct solver *solver_of(const struct solver_conf *conf);

/* choose.c, pure: who is for it? `owner` is where the record of a dns-01 would lie, NULL = not known: then no such solver is. */
const struct solver_conf *solver_choose(const struct proof *p, const char *owner);
/* Is there a solver that must know where the record would lie? */
bool solver_needs_owner(const struct proof *p);

/* zone.c: fill in the zone of record.owner, and unless has_server its primary; then proof_done. zone: what the configuration says, or
 * NULL. */
void zone_find(struct proof *p, const char *zone, bool has_server);

/* rfc2136.c */
void rfc2136_find(struct proof *p, const struct solver_conf *conf);
void rfc2136_place(struct proof *p, const struct solver_conf *conf);
void rfc2136_remove(struct proof *p, const struct solver_conf *conf);

/* exec.c */
void exec_find(struct proof *p, const struct solver_conf *conf);
void exec_place(struct proof *p, const struct solver_conf *conf);
void exec_remove(struct proof *p, const struct solver_conf *conf);

/* look.c, worker: before a proof is laid out or removed. room: how many records may be at its name. */
enum look_result {
	LOOK_DO,
	LOOK_NOTHING, /* to be removed, but another order has the very same */
	LOOK_LATER    /* see the problem: given up since, no room, the store cannot be read */
};
enum look_result proof_look(const struct proof *p, bool is_delete, int64_t room, struct problem *pr);

/* acmedns.c */
void acmedns_find(struct proof *p, const struct solver_conf *conf);
void acmedns_place(struct proof *p, const struct solver_conf *conf);
void acmedns_remove(struct proof *p, const struct solver_conf *conf);
void acmedns_ask(struct proof *p, const struct solver_conf *conf);

/* persist.c */
void persist_place(struct proof *p, const struct solver_conf *conf);

/* batch.c: add or delete the record of a proof, with those of others for the same zone. fn gets p with result and problem. */
typedef void (*batch_fn)(struct proof *p, enum proof_result result);
void batch_add(struct proof *p, const struct solver_conf *conf, bool is_delete, batch_fn fn);
void batchers_free(struct solve *solve);

/* check.c: wait until the zone's servers have the record, then proof_done. */
void check_start(struct proof *p, const struct solver_conf *conf);

/* clean_job.c */
void clean_job_register(struct solve *solve);
#endif
