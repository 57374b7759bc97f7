# src/policy: sources, unit tests (check_PROGRAMS) and fuzz targets (fuzz_targets) of this room
libgate_a_SOURCES += src/policy/compile.c src/policy/compiled.h src/policy/hours.c src/policy/hours.h src/policy/lines.c src/policy/lines.h src/policy/mapping.c src/policy/mapping.h \
	src/policy/pattern.c src/policy/pattern.h src/policy/policy.c src/policy/policy.h

check_PROGRAMS += test_policy test_mapping test_conditions
test_conditions_SOURCES = tests/unit/policy/test_conditions.c tests/tap.h
test_conditions_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_conditions_LDADD = $(gate_libs)
test_mapping_SOURCES = tests/unit/policy/test_mapping.c tests/tap.h
test_mapping_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_mapping_LDADD = $(gate_libs)
test_policy_SOURCES = tests/unit/policy/test_policy.c tests/tap.h
test_policy_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_policy_LDADD = $(gate_libs)

fuzz_targets += fuzz_policy
fuzz_policy_SOURCES = tests/fuzz/fuzz_policy.c
fuzz_policy_LDADD = $(gate_libs)
fuzz_policy_LDFLAGS = $(fuzz_ldflags)
EXTRA_DIST += tests/fuzz/seeds/fuzz_policy
