# lib/csv: sources and tests of this room
librooms_a_SOURCES += lib/csv/csv.c lib/csv/csv.h

check_PROGRAMS += test_csv
test_csv_SOURCES = tests/unit/csv/test_csv.c tests/tap.h
test_csv_LDADD = $(rooms_libs)
test_csv_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests

fuzz_targets += fuzz_csv
fuzz_csv_SOURCES = tests/fuzz/fuzz_csv.c
fuzz_csv_LDADD = $(rooms_libs)
fuzz_csv_LDFLAGS = $(fuzz_ldflags)
EXTRA_DIST += tests/fuzz/seeds/fuzz_csv
