/* fill.h - a store as it looks after years: n accounts, each with a finished order, its
 * authorization and challenge, its certificate and its story. Written with SQL, in a database file
 * that does not exist yet. */
#ifndef BENCH_FILL_H
#define BENCH_FILL_H

void fill_store(const char *db_file, unsigned n);
#endif
