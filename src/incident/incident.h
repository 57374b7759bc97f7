/* incident.h - an incident from its opening to its end: a job that finds out who is affected, gives each a wave (incident/wave.h), tells the
 * devices by their renewal information, and watches until all have renewed; a page of certificates in each transaction, so that it goes on
 * where it was after a crash, and on whichever gateway.
 *
 *   draft -> gathering -> planning -> running -> closed
 *                                 \-> foreseen (dry run)    running -> closing -> closed (an operator's word)
 *
 * Identifier sets stay as they are: an order for the same names is exempt from most limits of CAs (upstream-cas: exact sets), so a plan
 * for certificates of the last 120 days is a matter of what the network carries.
 *
 * Another job of this kind, with no incident, looks at what has changed in renewal information: where a CA has put windows into the past it
 * opens an incident of kind INCIDENT_CA, or adds to the one that is open. */
#ifndef INCIDENT_INCIDENT_H
#define INCIDENT_INCIDENT_H

#include "gate/holder.h"
#include "jobs/jobs.h"
#include "ledger/ledger.h"
#include "store/incident.h"
#include "store/renewal.h"

struct incidents {
	struct store *store;
	struct conf_holder *conf;
	struct ledger *ledger;
	struct renewal_mark watched; /* the job's own: up to which it has looked at changes */
	int64_t round_at;
	int64_t alarmed_at;          /* when it last said that certificates are not renewed */
};
/* Register the step of JOB_INCIDENT; `ins` lives as long as the engine. */
void incidents_register(struct jobs *jobs, struct incidents *ins);
/* Make the job that watches if there is none yet in the store. */
bool incidents_begin(struct incidents *ins, struct problem *pr) MUST_CHECK;

/* In a transaction, as the next two: the incident is on record, and unless it is a draft its job. After the commit jobs_hurry. */
bool incident_open(struct sql *db, struct incident *in, struct problem *pr) MUST_CHECK;
/* No more serial numbers come. PROBLEM_CONFLICT: it is no draft. */
bool incident_start(struct sql *db, struct incident *in, struct problem *pr) MUST_CHECK;
/* An operator ends it: who is still missing is let be. PROBLEM_CONFLICT: it is over. */
bool incident_close(struct sql *db, struct incident *in, const char *who, struct problem *pr) MUST_CHECK;
/* Certificates with this serial number (lower-case hex) that are affected; *ret_count of them are in it that were not. */
bool incident_add_serial(struct sql *db, const struct gate_conf *conf, const struct incident *in, const char *serial, int64_t now, int64_t *ret_count, struct problem *pr) MUST_CHECK;
/* Is there such a CA: an entry of upstreams, or the `ca` of several? */
bool incident_knows_ca(const struct gate_conf *conf, const char *ca);
/* When it will be over by its plan; 0 = there is none yet. */
int64_t incident_finish(const struct incident *in);
#endif
