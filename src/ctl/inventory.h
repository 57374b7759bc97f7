/* inventory.h - an inventory of devices as CSV or JSON, read record by record; pure. Of what the members may be only their names and
 * the file's form are looked at: the daemon judges the rest.
 *
 * CSV (RFC 4180): the first record names the columns: identifier, type, kind, tags, owner, cost_centre, note, in any order; identifier
 * must be there, and others than these are refused, unless `columns` says which column is what: then all others are passed over. Tags
 * are separated by blanks, commas or semicolons. JSON: an array of objects, objects one after the other, or what `acmegatectl device
 * list --json` prints; members as the columns, tags an array; what else that list has is passed over, but that a device is
 * blocked, and why. */
#ifndef CTL_INVENTORY_H
#define CTL_INVENTORY_H

#include "base/buf.h"
#include "base/problem.h"

#define INVENTORY_MAX_BYTES (256 * 1024 * 1024)

struct inventory;

/* `columns`: "identifier=Serial Number,owner=User", NULL = none; `kind`: of records that have none, NULL = none. The text must outlive
 * it. */
bool inventory_open(struct span text, const char *columns, const char *kind, struct inventory **ret, struct problem *pr);
void inventory_free(struct inventory *in);

struct inventory_record {
	unsigned line, column; /* where it begins */
	struct buf json;       /* an object, as POST /devices/import takes it */
	struct buf key;        /* what it is about: the same for the same device */
};
void inventory_record_done(struct inventory_record *r);
/* The next one, into what `ret` had before. False at the end, or if the form is wrong: then PROBLEM_MALFORMED is set, with line and
 * column, and there is no going on. */
bool inventory_next(struct inventory *in, struct inventory_record *ret, struct problem *pr);
/* Where the member of this name stands in the record read last; 0 = it is no column of the file. */
unsigned inventory_column(const struct inventory *in, const char *name);
#endif
