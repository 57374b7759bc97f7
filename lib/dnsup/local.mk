# lib/dnsup: sources, unit tests (check_PROGRAMS) and fuzz targets (fuzz_targets) of this room
librooms_a_SOURCES += \
	lib/dnsup/link.c lib/dnsup/link.h lib/dnsup/tsig.c lib/dnsup/tsig.h \
	lib/dnsup/update.c lib/dnsup/update.h lib/dnsup/wire.c lib/dnsup/wire.h

check_PROGRAMS += test_dnsup test_dnsup_link
test_dnsup_SOURCES = tests/unit/dnsup/test_dnsup.c tests/unit/dnsup/answer.h tests/tap.h
test_dnsup_LDADD = $(rooms_libs)
test_dnsup_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_dnsup_link_SOURCES = tests/unit/dnsup/test_link.c tests/tap.h
test_dnsup_link_LDADD = $(rooms_libs)
test_dnsup_link_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests

fuzz_targets += fuzz_dnsup
fuzz_dnsup_SOURCES = tests/fuzz/fuzz_dnsup.c
fuzz_dnsup_LDADD = $(rooms_libs)
fuzz_dnsup_LDFLAGS = $(fuzz_ldflags)
