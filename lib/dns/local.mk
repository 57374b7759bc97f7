# lib/dns: sources, unit tests (check_PROGRAMS) and fuzz targets (fuzz_targets) of this room
librooms_a_SOURCES += \
	lib/dns/answer.c lib/dns/answer.h \
	lib/dns/authority.c lib/dns/authority.h \
	lib/dns/dns.c lib/dns/dns.h lib/dns/lookup.c lib/dns/lookup.h lib/dns/records.c

check_PROGRAMS += test_authority test_dns
test_authority_SOURCES = tests/unit/dns/test_authority.c tests/flag.h tests/tap.h
test_authority_LDADD = $(rooms_libs)
test_authority_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_dns_SOURCES = tests/unit/dns/test_dns.c tests/tap.h
test_dns_LDADD = $(rooms_libs)
test_dns_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests

fuzz_targets += fuzz_dns
fuzz_dns_SOURCES = tests/fuzz/fuzz_dns.c
fuzz_dns_LDADD = $(rooms_libs)
fuzz_dns_LDFLAGS = $(fuzz_ldflags)
