librooms_a_SOURCES += lib/cal/calendar.c lib/cal/calendar.h

check_PROGRAMS += test_calendar
test_calendar_SOURCES = tests/unit/cal/test_calendar.c tests/tap.h
test_calendar_LDADD = $(rooms_libs)
test_calendar_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
