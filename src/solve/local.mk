# src/solve: sources, unit tests (check_PROGRAMS) and fuzz targets (fuzz_targets) of this room
libgate_a_SOURCES += \
	src/solve/acmedns.c src/solve/alpn01_face.c src/solve/alpn01_face.h src/solve/batch.c src/solve/check.c src/solve/choose.c src/solve/clean_job.c src/solve/exec.c src/solve/look.c src/solve/persist.c \
	src/solve/rfc2136.c src/solve/solve.c src/solve/solve.h src/solve/solve_int.h src/solve/zone.c

check_PROGRAMS += test_solve_choose
test_solve_choose_SOURCES = tests/unit/solve/test_choose.c tests/tap.h
test_solve_choose_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_solve_choose_LDADD = $(gate_libs)

# a program for solvers of kind exec
dist_pkgdata_SCRIPTS += etc/acme-sh-dnsapi
