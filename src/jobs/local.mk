libgate_a_SOURCES += src/jobs/claim.c src/jobs/jobs.c src/jobs/jobs.h src/jobs/jobs_int.h

check_PROGRAMS += test_jobs
test_jobs_SOURCES = tests/unit/jobs/test_jobs.c tests/unit/store/world.h tests/unit/sql/both.h tests/pg.h tests/tap.h
test_jobs_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_jobs_LDADD = $(gate_libs)
