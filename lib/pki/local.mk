librooms_a_SOURCES += \
	lib/pki/csr.c lib/pki/csr.h \
	lib/pki/ext.c lib/pki/ext.h \
	lib/pki/ident.c lib/pki/ident.h \
	lib/pki/key.c lib/pki/key.h

check_PROGRAMS += test_key test_ident test_csr
test_key_SOURCES = tests/unit/pki/test_key.c tests/tap.h
test_key_LDADD = $(rooms_libs)
test_key_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_ident_SOURCES = tests/unit/pki/test_ident.c tests/tap.h
test_ident_LDADD = $(rooms_libs)
test_ident_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_csr_SOURCES = tests/unit/pki/test_csr.c tests/unit/pki/forge.h tests/tap.h
test_csr_LDADD = $(rooms_libs)
test_csr_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
