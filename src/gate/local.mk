# src/gate: sources, unit tests (check_PROGRAMS) and fuzz targets (fuzz_targets) of this room
libgate_a_SOURCES += \
	src/gate/conf.c src/gate/conf.h \
	src/gate/conf_check.c \
	src/gate/conf_keys.c \
	src/gate/url.c src/gate/url.h

check_PROGRAMS += test_gate_conf
test_gate_conf_SOURCES = tests/unit/gate/test_gate_conf.c tests/tap.h
test_gate_conf_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_gate_conf_LDADD = $(gate_libs)
