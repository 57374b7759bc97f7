# lib/jose: sources, unit tests (check_PROGRAMS) and fuzz targets (fuzz_targets) of this room
librooms_a_SOURCES += \
	lib/jose/jwa.c lib/jose/jwa.h \
	lib/jose/jwk.c lib/jose/jwk.h \
	lib/jose/jws.c lib/jose/jws.h \
	lib/jose/jws_write.c

check_PROGRAMS += test_jwa test_jwk test_jws test_jws_vectors
test_jwa_SOURCES = tests/unit/jose/test_jwa.c tests/tap.h
test_jwa_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_jwa_LDADD = $(rooms_libs)
test_jwk_SOURCES = tests/unit/jose/test_jwk.c tests/unit/jose/jsonl.h tests/tap.h
test_jwk_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_jwk_LDADD = $(rooms_libs)
test_jws_SOURCES = tests/unit/jose/test_jws.c tests/unit/jose/keys.h tests/tap.h
test_jws_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_jws_LDADD = $(rooms_libs)
test_jws_vectors_SOURCES = tests/unit/jose/test_jws_vectors.c tests/unit/jose/jsonl.h \
	tests/unit/jose/keys.h tests/tap.h
test_jws_vectors_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_jws_vectors_LDADD = $(rooms_libs)
EXTRA_DIST += tests/data/jose

fuzz_targets += fuzz_jwk fuzz_jws
fuzz_jwk_SOURCES = tests/fuzz/fuzz_jwk.c
fuzz_jwk_LDADD = $(rooms_libs)
fuzz_jwk_LDFLAGS = $(fuzz_ldflags)
fuzz_jws_SOURCES = tests/fuzz/fuzz_jws.c
fuzz_jws_LDADD = $(rooms_libs)
fuzz_jws_LDFLAGS = $(fuzz_ldflags)
