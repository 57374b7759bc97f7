libgate_a_SOURCES += src/incident/give.c src/incident/incident.c src/incident/incident.h src/incident/incident_int.h src/incident/job.c \
	src/incident/watch.c src/incident/wave.c src/incident/wave.h

check_PROGRAMS += test_wave
test_wave_SOURCES = tests/unit/incident/test_wave.c tests/tap.h
test_wave_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_wave_LDADD = $(gate_libs)
