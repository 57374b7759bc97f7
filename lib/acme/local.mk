# lib/acme: sources, unit tests (check_PROGRAMS) and fuzz targets (fuzz_targets) of this room
librooms_a_SOURCES += \
	lib/acme/object.c lib/acme/object.h \
	lib/acme/problem_json.c lib/acme/problem_json.h \
	lib/acme/renewal.c lib/acme/renewal.h \
	lib/acme/status.c lib/acme/status.h

check_PROGRAMS += test_acme_object test_acme_problem test_acme_renewal
test_acme_object_SOURCES = tests/unit/acme/test_object.c tests/tap.h
test_acme_object_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_acme_object_LDADD = $(rooms_libs)
test_acme_problem_SOURCES = tests/unit/acme/test_problem.c tests/tap.h
test_acme_problem_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_acme_problem_LDADD = $(rooms_libs)
test_acme_renewal_SOURCES = tests/unit/acme/test_renewal.c tests/tap.h
test_acme_renewal_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_acme_renewal_LDADD = $(rooms_libs)

fuzz_targets += fuzz_acme_object fuzz_acme_renewal
fuzz_acme_renewal_SOURCES = tests/fuzz/fuzz_acme_renewal.c
fuzz_acme_renewal_LDADD = $(rooms_libs)
fuzz_acme_renewal_LDFLAGS = $(fuzz_ldflags)
fuzz_acme_object_SOURCES = tests/fuzz/fuzz_acme_object.c
fuzz_acme_object_LDADD = $(rooms_libs)
fuzz_acme_object_LDFLAGS = $(fuzz_ldflags)
