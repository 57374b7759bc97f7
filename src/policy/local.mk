# src/policy: sources, unit tests (check_PROGRAMS) and fuzz targets (fuzz_targets) of this room
libgate_a_SOURCES += src/policy/mapping.c src/policy/mapping.h src/policy/policy.c src/policy/policy.h

check_PROGRAMS += test_policy test_mapping
test_mapping_SOURCES = tests/unit/policy/test_mapping.c tests/tap.h
test_mapping_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_mapping_LDADD = $(gate_libs)
test_policy_SOURCES = tests/unit/policy/test_policy.c tests/tap.h
test_policy_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_policy_LDADD = $(gate_libs)
