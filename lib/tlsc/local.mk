# lib/tlsc: sources and unit tests (check_PROGRAMS) of this room
librooms_a_SOURCES += lib/tlsc/tlsc.c lib/tlsc/tlsc.h

check_PROGRAMS += test_tlsc
test_tlsc_SOURCES = tests/unit/tlsc/test_tlsc.c tests/unit/httpc/server.h tests/unit/pki/forge.h tests/tap.h
test_tlsc_LDADD = $(rooms_libs)
test_tlsc_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
