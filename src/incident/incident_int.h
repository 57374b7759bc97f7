/* incident_int.h - what the files of an incident's job share. */
#ifndef INCIDENT_INCIDENT_INT_H
#define INCIDENT_INCIDENT_INT_H

#include "incident/incident.h"
#include "incident/wave.h"

/* It is in the incident if it is affected; *ret_added false: it is not, or was in it before. */
bool incident_consider(struct sql *db, const struct gate_conf *conf, const struct incident *in, const struct candidate *c, int64_t now, bool *ret_added, struct problem *pr) MUST_CHECK;

/* ---- give.c ---- */
/* Of an incident that waves are to be given in, the number of its certificates known. */
void incident_plan_begin(struct incident *in, const struct gate_conf *conf, int64_t count, int64_t now);
/* The next `limit` that have none get a wave; *ret_count: so many did. In a transaction; changes *in, which the caller saves. */
bool incident_plan_page(struct sql *db, struct incidents *ins, const struct gate_conf *conf, struct incident *in, size_t limit, int64_t now, size_t *ret_count, struct problem *pr) MUST_CHECK;

/* ---- watch.c ---- */
/* The step of the job that watches CAs. */
enum job_next incident_watch(struct job *job, struct incidents *ins);
#endif
