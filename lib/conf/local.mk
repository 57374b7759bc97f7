# lib/conf: sources, unit tests (check_PROGRAMS) and fuzz targets (fuzz_targets) of this room
librooms_a_SOURCES += \
	lib/conf/conf.h \
	lib/conf/errors.c \
	lib/conf/json.c \
	lib/conf/load.c \
	lib/conf/reload.c \
	lib/conf/source.c lib/conf/source.h \
	lib/conf/value.c lib/conf/value.h \
	lib/conf/write.c

check_PROGRAMS += test_conf
test_conf_SOURCES = tests/unit/conf/test_conf.c tests/tap.h
test_conf_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_conf_LDADD = $(rooms_libs)
