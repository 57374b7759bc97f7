librooms_a_SOURCES += \
	lib/pki/alpn_cert.c lib/pki/alpn_cert.h \
	lib/pki/cert.c lib/pki/cert.h \
	lib/pki/certid.c lib/pki/certid.h \
	lib/pki/chain.c \
	lib/pki/crl.c lib/pki/crl.h \
	lib/pki/csr.c lib/pki/csr_make.c lib/pki/csr.h \
	lib/pki/der.c lib/pki/der.h \
	lib/pki/device_id.c lib/pki/device_id.h lib/pki/device_name.c \
	lib/pki/ext.c lib/pki/ext.h \
	lib/pki/ident.c lib/pki/ident.h \
	lib/pki/issuers.c lib/pki/issuers.h \
	lib/pki/key.c lib/pki/key_private.c lib/pki/key.h \
	lib/pki/mint.c lib/pki/mint.h \
	lib/pki/path.c lib/pki/path.h \
	lib/pki/sign.c

check_PROGRAMS += test_alpn_cert test_crl test_key test_ident test_csr test_cert test_certid test_chain test_mint \
	test_der test_path
test_alpn_cert_SOURCES = tests/unit/pki/test_alpn_cert.c tests/unit/pki/forge.h tests/tap.h
test_alpn_cert_LDADD = $(rooms_libs)
test_alpn_cert_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_crl_SOURCES = tests/unit/pki/test_crl.c tests/unit/pki/forge.h tests/tap.h
test_crl_LDADD = $(rooms_libs)
test_crl_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_key_SOURCES = tests/unit/pki/test_key.c tests/tap.h
test_key_LDADD = $(rooms_libs)
test_key_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_ident_SOURCES = tests/unit/pki/test_ident.c tests/tap.h
test_ident_LDADD = $(rooms_libs)
test_ident_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_csr_SOURCES = tests/unit/pki/test_csr.c tests/unit/pki/forge.h tests/tap.h
test_csr_LDADD = $(rooms_libs)
test_csr_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_cert_SOURCES = tests/unit/pki/test_cert.c tests/unit/pki/forge.h tests/tap.h
test_cert_LDADD = $(rooms_libs)
test_cert_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_certid_SOURCES = tests/unit/pki/test_certid.c tests/tap.h
test_certid_LDADD = $(rooms_libs)
test_certid_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_chain_SOURCES = tests/unit/pki/test_chain.c tests/unit/pki/forge.h tests/tap.h
test_chain_LDADD = $(rooms_libs)
test_chain_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_der_SOURCES = tests/unit/pki/test_der.c tests/tap.h
test_der_LDADD = $(rooms_libs)
test_der_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_path_SOURCES = tests/unit/pki/test_path.c tests/unit/pki/forge.h tests/tap.h
test_path_LDADD = $(rooms_libs)
test_path_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_mint_SOURCES = tests/unit/pki/test_mint.c tests/unit/pki/forge.h tests/tap.h
test_mint_LDADD = $(rooms_libs)
test_mint_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests

fuzz_targets += fuzz_alpn_cert fuzz_crl fuzz_path fuzz_certid fuzz_csr fuzz_chain fuzz_ident fuzz_key fuzz_mint
fuzz_alpn_cert_SOURCES = tests/fuzz/fuzz_alpn_cert.c
fuzz_alpn_cert_LDADD = $(rooms_libs)
fuzz_alpn_cert_LDFLAGS = $(fuzz_ldflags)
fuzz_certid_SOURCES = tests/fuzz/fuzz_certid.c
fuzz_certid_LDADD = $(rooms_libs)
fuzz_certid_LDFLAGS = $(fuzz_ldflags)
fuzz_crl_SOURCES = tests/fuzz/fuzz_crl.c
fuzz_crl_LDADD = $(rooms_libs)
fuzz_crl_LDFLAGS = $(fuzz_ldflags)
EXTRA_DIST += tests/fuzz/seeds/fuzz_crl
fuzz_csr_SOURCES = tests/fuzz/fuzz_csr.c
fuzz_csr_LDADD = $(rooms_libs)
fuzz_csr_LDFLAGS = $(fuzz_ldflags)
fuzz_chain_SOURCES = tests/fuzz/fuzz_chain.c
fuzz_chain_LDADD = $(rooms_libs)
fuzz_chain_LDFLAGS = $(fuzz_ldflags)
fuzz_ident_SOURCES = tests/fuzz/fuzz_ident.c
fuzz_ident_LDADD = $(gate_libs)
fuzz_ident_LDFLAGS = $(fuzz_ldflags)
fuzz_key_SOURCES = tests/fuzz/fuzz_key.c
fuzz_key_LDADD = $(rooms_libs)
fuzz_key_LDFLAGS = $(fuzz_ldflags)
fuzz_mint_SOURCES = tests/fuzz/fuzz_mint.c
fuzz_mint_LDADD = $(rooms_libs)
fuzz_mint_LDFLAGS = $(fuzz_ldflags)
fuzz_path_SOURCES = tests/fuzz/fuzz_path.c
fuzz_path_LDADD = $(rooms_libs)
fuzz_path_LDFLAGS = $(fuzz_ldflags)
EXTRA_DIST += tests/fuzz/seeds/fuzz_path
