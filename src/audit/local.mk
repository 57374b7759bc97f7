# src/audit: the trail's job
libgate_a_SOURCES += \
	src/audit/syslog.c src/audit/syslog.h \
	src/audit/trail.c src/audit/trail.h

check_PROGRAMS += test_syslog
test_syslog_SOURCES = tests/unit/audit/test_syslog.c tests/tap.h
test_syslog_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_syslog_LDADD = $(gate_libs)
