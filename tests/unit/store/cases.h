/* cases.h - cases of test_store that have a file of their own; each is a transaction function. */
#ifndef TESTS_STORE_CASES_H
#define TESTS_STORE_CASES_H

#include "sql/sql.h"

bool case_lookup_due(struct sql *db, void *arg, struct problem *pr);
bool case_lookup_put(struct sql *db, void *arg, struct problem *pr);
bool case_lookup_state(struct sql *db, void *arg, struct problem *pr);
bool case_incident_settle(struct sql *db, void *arg, struct problem *pr);
bool case_incident_follow(struct sql *db, void *arg, struct problem *pr);
bool case_incident_again(struct sql *db, void *arg, struct problem *pr);
bool case_incident_kinds(struct sql *db, void *arg, struct problem *pr);
bool case_incident_sweep(struct sql *db, void *arg, struct problem *pr);
bool case_incident_rows(struct sql *db, void *arg, struct problem *pr);
bool case_agenda(struct sql *db, void *arg, struct problem *pr);
#endif
