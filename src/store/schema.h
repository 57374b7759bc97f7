/* schema.h - the tables, and their migrations. State columns hold the numbers of acme/status.h: they never change.
 *
 * A row has two ids: an int64 for joins, which never leaves the gateway, and `ref`, 128 random bits in base64url, which is
 * the id in URLs (H2). Times are unix seconds, job times unix milliseconds. */
#ifndef STORE_SCHEMA_H
#define STORE_SCHEMA_H

#include "sql/sql.h"

/* Bring the database to this release's schema; creates it when new. */
bool schema_migrate(struct store *store, struct problem *pr) MUST_CHECK;
/* SQLite: is all of it readable and in order? And of which version is it? Takes as long as reading it. */
bool schema_check(struct store *store, int64_t *ret_version, struct problem *pr) MUST_CHECK;
/* Can it be written? Changes nothing. */
bool schema_probe(struct sql *db, struct problem *pr) MUST_CHECK;
/* A new one as an earlier release had it, for tests of the way to this one. */
#define SCHEMA_VERSION 26
bool schema_migrate_to(struct store *store, int version, struct problem *pr) MUST_CHECK;
#endif
