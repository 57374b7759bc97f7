/* cases.h - cases of test_store that have a file of their own; each is a transaction function. */
#ifndef TESTS_STORE_CASES_H
#define TESTS_STORE_CASES_H

#include "sql/sql.h"

bool case_lookup_due(struct sql *db, void *arg, struct problem *pr);
bool case_lookup_put(struct sql *db, void *arg, struct problem *pr);
bool case_lookup_state(struct sql *db, void *arg, struct problem *pr);
#endif
