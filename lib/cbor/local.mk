librooms_a_SOURCES += lib/cbor/cbor.c lib/cbor/cbor.h

check_PROGRAMS += test_cbor
test_cbor_SOURCES = tests/unit/cbor/test_cbor.c tests/tap.h
test_cbor_LDADD = $(rooms_libs)
test_cbor_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests


fuzz_targets += fuzz_cbor
fuzz_cbor_SOURCES = tests/fuzz/fuzz_cbor.c
fuzz_cbor_LDADD = $(rooms_libs)
fuzz_cbor_LDFLAGS = $(fuzz_ldflags)
EXTRA_DIST += tests/fuzz/seeds/fuzz_cbor
