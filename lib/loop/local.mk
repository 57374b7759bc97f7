librooms_a_SOURCES += \
	lib/loop/loop.c lib/loop/loop.h \
	lib/loop/pool.c lib/loop/pool.h

check_PROGRAMS += test_loop
test_loop_SOURCES = tests/unit/loop/test_loop.c tests/tap.h
test_loop_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_loop_LDADD = $(rooms_libs)
