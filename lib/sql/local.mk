# lib/sql: sources, unit tests (check_PROGRAMS) and fuzz targets (fuzz_targets) of this room
librooms_a_SOURCES += \
	lib/sql/backend.h \
	lib/sql/postgres.c lib/sql/postgres.h \
	lib/sql/postgres_stmt.c \
	lib/sql/sql.h \
	lib/sql/sqlite.c lib/sql/sqlite.h \
	lib/sql/sqlite_stmt.c \
	lib/sql/stmt.c \
	lib/sql/store.c

check_PROGRAMS += test_sql test_sql_load
test_sql_SOURCES = tests/unit/sql/test_sql.c tests/unit/sql/both.h tests/pg.h tests/tap.h
test_sql_LDADD = $(rooms_libs)
test_sql_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_sql_load_SOURCES = tests/unit/sql/test_sql_load.c tests/unit/sql/both.h tests/pg.h tests/tap.h
test_sql_load_LDADD = $(rooms_libs)
test_sql_load_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
EXTRA_DIST += tests/pg.sh
