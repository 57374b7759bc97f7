/* pg.h - a private PostgreSQL for a test program (tests/pg.sh); it ends with the program, however
 * that ends. */
#ifndef TESTS_PG_H
#define TESTS_PG_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PG_SH TESTS_DIR "/pg.sh"

static char pg_where[256]; /* connection string of the cluster, once started */

static inline void
pg_stop(void)
{
	const char *dir = strchr(pg_where, '=');
	char command[1024];

	if (!dir)
		return;
	snprintf(command, sizeof(command), "'%s' stop %.*s", PG_SH, (int)strcspn(dir + 1, " "),
		dir + 1);
	if (system(command) != 0)
		fprintf(stderr, "cannot stop PostgreSQL\n");
	pg_where[0] = '\0';
}

/* The connection string, or NULL if it cannot be started (why is on stderr). Before threads. */
static inline const char *
pg_start(void)
{
	char command[1024];
	FILE *f;

	snprintf(command, sizeof(command), "'%s' start -w %d", PG_SH, (int)getpid());
	f = popen(command, "r");
	if (!f)
		return NULL;
	if (!fgets(pg_where, sizeof(pg_where), f))
		pg_where[0] = '\0';
	pg_where[strcspn(pg_where, "\n")] = '\0';
	pclose(f);
	return pg_where[0] ? pg_where : NULL;
}
#endif
