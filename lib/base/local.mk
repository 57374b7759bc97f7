librooms_a_SOURCES += \
	lib/base/addr.c lib/base/addr.h \
	lib/base/b64url.c lib/base/b64url.h \
	lib/base/buckets.c lib/base/buckets.h \
	lib/base/buf.c lib/base/buf.h \
	lib/base/clock.c lib/base/clock.h \
	lib/base/crash.c lib/base/crash.h \
	lib/base/log.c lib/base/log.h \
	lib/base/mem.c lib/base/mem.h \
	lib/base/problem.c lib/base/problem.h \
	lib/base/rand.c lib/base/rand.h \
	lib/base/secret.c lib/base/secret.h \
	lib/base/span.c lib/base/span.h \
	lib/base/tally.c lib/base/tally.h \
	lib/base/utf8.c lib/base/utf8.h

check_PROGRAMS += test_b64url test_utf8
test_b64url_SOURCES = tests/unit/base/test_b64url.c tests/tap.h
test_b64url_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_b64url_LDADD = $(rooms_libs)
test_utf8_SOURCES = tests/unit/base/test_utf8.c tests/tap.h
test_utf8_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_utf8_LDADD = $(rooms_libs)

check_PROGRAMS += test_addr test_base test_buckets test_tally
test_tally_SOURCES = tests/unit/base/test_tally.c tests/tap.h
test_tally_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_tally_LDADD = $(rooms_libs)
test_buckets_SOURCES = tests/unit/base/test_buckets.c tests/tap.h
test_buckets_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_buckets_LDADD = $(rooms_libs)
test_addr_SOURCES = tests/unit/base/test_addr.c tests/tap.h
test_addr_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_addr_LDADD = $(rooms_libs)
test_base_SOURCES = tests/unit/base/test_base.c tests/tap.h
test_base_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_base_LDADD = $(rooms_libs)
