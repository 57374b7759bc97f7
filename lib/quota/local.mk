librooms_a_SOURCES += \
	lib/quota/batch.c lib/quota/batch.h \
	lib/quota/domain.c \
	lib/quota/gcra.c lib/quota/gcra.h \
	lib/quota/plan.c lib/quota/plan.h \
	lib/quota/quota.c lib/quota/quota.h \
	lib/quota/refusal.c \
	lib/quota/usage.c lib/quota/usage.h

check_PROGRAMS += test_gcra test_quota test_plan test_usage
test_usage_SOURCES = tests/unit/quota/test_usage.c tests/tap.h
test_usage_LDADD = $(rooms_libs)
test_usage_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_gcra_SOURCES = tests/unit/quota/test_gcra.c tests/tap.h
test_gcra_LDADD = $(rooms_libs)
test_gcra_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_quota_SOURCES = tests/unit/quota/test_quota.c tests/tap.h
test_quota_LDADD = $(rooms_libs)
test_quota_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_plan_SOURCES = tests/unit/quota/test_plan.c tests/tap.h
test_plan_LDADD = $(rooms_libs)
test_plan_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests

fuzz_targets += fuzz_quota_refusal
fuzz_quota_refusal_SOURCES = tests/fuzz/fuzz_quota_refusal.c
fuzz_quota_refusal_LDADD = $(rooms_libs)
fuzz_quota_refusal_LDFLAGS = $(fuzz_ldflags)
EXTRA_DIST += tests/fuzz/seeds/fuzz_quota_refusal
