# lib/proc: sources and unit tests (check_PROGRAMS) of this room
librooms_a_SOURCES += lib/proc/proc.c lib/proc/proc.h

check_PROGRAMS += test_proc
test_proc_SOURCES = tests/unit/proc/test_proc.c tests/tap.h
test_proc_LDADD = $(rooms_libs)
test_proc_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
