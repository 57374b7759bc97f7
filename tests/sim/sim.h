/* sim.h - what the files of the simulation share: a fleet of devices behind a gateway behind a CA, on a clock of their own.
 *
 * What is real: src/ledger with lib/quota, lib/sched, src/policy, the circuit breaker, the configuration. What is not: the store
 * (memstore.h), the CA (boulder.h), the network, and time. One run is one process and one thread, and the same each time. */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include "boulder.h"
#include "fluid.h"
#include "gate/conf.h"
#include "ledger/ledger.h"
#include "memstore.h"
#include "policy/policy.h"
#include "sched/sched.h"
#include "upstream/circuit.h"

#define NAMES_MAX 5
#define UNITS_MAX FLUID_UNITS_MAX
#define TOLD_MAX SCHED_WIDTH_MAX /* refusals within the time of one request */

/* ---- what is asked ---- */

/* When devices renew. */
enum renewing {
	RENEWING_MIXED,   /* half of them in the CA's window, the others when they like */
	RENEWING_CA,      /* at some time of the CA's window, which the gateway passes on */
	RENEWING_PLANNED, /* at some time of the window that the gateway has planned */
};

struct scenario {
	const char *name;
	int64_t devices, domains, names; /* names of each device, all below one domain */
	int64_t life_days, life_hours;   /* of a certificate: their sum */
	int64_t after_days;              /* what follows the roll-out */
	int64_t margin, reserve;         /* percent */
	struct rate orders, by_domain;   /* agreed with the CA; count 0 = as published */
	int64_t width_max;               /* 0 = the scheduler's */
	uint32_t weights[UNITS_MAX];     /* of fairness units, which devices are dealt to in turn; 0 ends them */
	int64_t late_days, late_devices; /* so many devices more, of a unit of their own, come so late */
	int64_t away_permille;           /* devices that are away for one to six weeks, once in a hundred days */
	int64_t fail_permille, lost_permille; /* attempts whose proof fails, newOrders whose answer is lost */
	int64_t strangers_per_week;      /* certificates below each domain that are not ours */
	int64_t revocations;             /* of everything, eight hours apart; 0 = one, of which devices hear within a day */
	enum renewing renewing;
	int64_t per_hour;                /* renewals_per_hour of the CA's entry */
	const char *hours;               /* of maintenance, NULL = any */
	bool long_run, quick;            /* only when asked for by name; one of those that ./check runs */
};
int64_t scenario_life_ns(const struct scenario *sc);
/* All have heard of a revocation within. */
int64_t scenario_hear_ns(const struct scenario *sc);
size_t scenario_units(const struct scenario *sc);

/* ---- what came out ---- */

struct tally {
	int64_t certs, first_certs;
	int64_t orders_spent;    /* new orders that the CA counted, until the roll-out was over */
	int64_t foreseen, unforeseen; /* refusals: whether our own spending explains them */
	int64_t expired_allowed; /* certificates that ran out though limits and CA would have let a new one be there */
	int64_t expired_away;    /* of devices that were away too long, or while the CA was */
	int64_t span_ns;         /* first request to last first certificate */
	int64_t bound_ns, bound_bare_ns; /* the least that the limits allow: with margin and reserve, without */
	int64_t incident_ns;     /* last revocation to the last replacement by a device that was there */
	double worst_share;      /* wait over fair wait */
	/* renewals as devices ask for them, from the end of the roll-out to the incident, and after it: */
	int64_t renewals, renewal_hours, peak_hour, in_window;
	int64_t budget, most_planned; /* for one hour */
	int64_t over;            /* plans that found all hours full */
	int64_t moved;           /* windows that a restart, or another look, has moved: none must */
	int64_t asked;           /* questions put to the ledger */
	double cpu_s;            /* filled in by who waits for the run, as is rss */
	int64_t rss_kib;
};

/* ---- the run ---- */

#define ACCOUNT 1        /* ours, at the CA */
#define WAY_NS (NS / 40) /* from the gateway to the CA, and as long back */

struct device {
	int64_t asked_ns;       /* waiting since; 0 = it does not */
	int64_t admitted_ns;    /* when it was let go to the CA, last */
	int64_t issued_ns;      /* 0 = never */
	int64_t next_ns;        /* when it asks: of several such events the one that counts */
	int64_t away_ns, back_ns; /* its next absence, or the present one */
	int64_t possible_ns;    /* waiting: when the CA by itself would have taken its order, at the earliest */
	uint32_t domain;
	uint8_t unit, fails;    /* fails: in this hour */
	int64_t ca_start_s, ca_end_s;           /* RENEWING_PLANNED: the CA's window */
	int64_t planned_start_s, planned_end_s; /* its own */
	uint8_t plan_why;
	bool revoked, replaces; /* replaces: it names what it replaces, at the CA's time */
	bool hampered;          /* a proof failed or an answer was lost: it is not the queue that it has waited for */
};

enum event_kind { EVENT_ASK, EVENT_LOOK, EVENT_ORDERED, EVENT_ISSUED, EVENT_FAILED, EVENT_TOLD, EVENT_STRANGER, EVENT_OUTAGE, EVENT_OVER,
	EVENT_REVOKE, EVENT_SWEEP, EVENT_RESTART };
struct event {
	int64_t at_ns;
	uint64_t seq; /* of two at one time the first made */
	uint32_t kind, who;
};

struct world {
	const struct scenario *sc;
	struct tally tally;
	int64_t now_ns, began_ns, end_ns; /* end_ns 0 = the roll-out is not over */
	uint64_t dice;
	/* events, a heap */
	struct event *events;
	size_t event_count, event_room;
	uint64_t seq;
	/* the fleet */
	struct device *devices;
	size_t device_count;
	int64_t without;       /* devices that have had no certificate yet */
	int64_t revoked_at_ns;
	struct fluid shares;
	uint32_t *hours;       /* renewals asked for, by hour from the beginning on */
	size_t hour_count;
	/* the gateway */
	struct gate_conf *conf;
	struct ledger *ledger;
	struct sql *db;
	struct sched *sched;
	struct circuit circuit;
	int64_t look_ns;       /* when it looks again; 0 = no such event */
	/* the CA */
	struct boulder ca, ours; /* ours: what it would say had it heard of us alone. Kept only where there are strangers */
	struct refusal told[TOLD_MAX]; /* what will be heard by all that is sent from EVENT_TOLD on */
	uint32_t told_count;   /* ever */
	int64_t outage_end_ns; /* 0 = it is there */
};

void sim_run(const struct scenario *sc, struct tally *ret);

/* Deterministic: uniform in [0, below); true in so many of a thousand. */
int64_t dice(struct world *w, int64_t below);
bool dice_permille(struct world *w, int64_t permille);
__attribute__((noreturn, format(printf, 1, 2))) void die(const char *fmt, ...);

/* events.c */
void event_at(struct world *w, int64_t at_ns, enum event_kind kind, uint32_t who);
bool event_next(struct world *w, struct event *ret);

/* fleet.c: devices */
#define TEXT_MAX 64
struct order_names {
	char text[NAMES_MAX][TEXT_MAX];
	const char *list[NAMES_MAX];
	struct names names;                   /* as the CA hears of them */
	struct ident ident_list[NAMES_MAX];
	struct idents idents;                 /* as the gateway does; not to be freed */
};
void device_names(const struct world *w, uint32_t who, struct order_names *ret);
void fleet_init(struct world *w);
void device_asks(struct world *w, uint32_t who, int64_t at_ns);
void device_has_it(struct world *w, uint32_t who);
void device_has_failed(struct world *w, uint32_t who);
/* Each has had its first certificate: the time that is looked at begins. */
void fleet_complete(struct world *w);
void fleet_revoked(struct world *w);
void fleet_outage(struct world *w);
/* Those that still wait when all is over. */
void fleet_end(struct world *w);

/* windows.c: RENEWING_PLANNED and RENEWING_CA */
/* It has a new certificate: when is it to be renewed? */
int64_t windows_renewal_ns(struct world *w, uint32_t who);
/* It has heard, some time after a revocation, when it is to be replaced: wave `nth` of all. */
int64_t windows_wave_ns(struct world *w, uint32_t who, size_t nth, size_t count);
/* It asks for a renewal. */
void windows_count(struct world *w, uint32_t who);
/* The gateway has begun anew, or another one looks at the same store: what is on record is planned again. */
void windows_restart(struct world *w);
void windows_end(struct world *w);

/* gateway.c */
void gateway_init(struct world *w);
void gateway_done(struct world *w);
void gateway_asked(struct world *w, uint32_t who);
void gateway_look(struct world *w);
void gateway_ordered(struct world *w, uint32_t who);
void gateway_issued(struct world *w, uint32_t who);
void gateway_failed(struct world *w, uint32_t who);
void gateway_told(struct world *w, uint32_t nth);
#endif
