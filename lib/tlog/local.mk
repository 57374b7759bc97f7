# lib/tlog: sources and tests of this room
librooms_a_SOURCES += \
	lib/tlog/merkle.c lib/tlog/merkle.h \
	lib/tlog/note.c lib/tlog/note.h \
	lib/tlog/trail.c lib/tlog/trail.h

check_PROGRAMS += test_merkle test_note test_trail
test_merkle_SOURCES = tests/unit/tlog/test_merkle.c tests/tap.h
test_merkle_LDADD = $(rooms_libs)
test_merkle_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_note_SOURCES = tests/unit/tlog/test_note.c tests/tap.h
test_note_LDADD = $(rooms_libs)
test_note_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_trail_SOURCES = tests/unit/tlog/test_trail.c tests/tap.h
test_trail_LDADD = $(rooms_libs)
test_trail_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests

fuzz_targets += fuzz_trail
fuzz_trail_SOURCES = tests/fuzz/fuzz_trail.c
fuzz_trail_LDADD = $(rooms_libs)
fuzz_trail_LDFLAGS = $(fuzz_ldflags)
EXTRA_DIST += tests/fuzz/seeds/fuzz_trail
