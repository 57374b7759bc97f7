# lib/json: sources, unit tests (check_PROGRAMS) and fuzz targets (fuzz_targets) of this room
librooms_a_SOURCES += \
	lib/json/escape.h \
	lib/json/json.c lib/json/json.h \
	lib/json/json_obj.c \
	lib/json/jw.c lib/json/jw.h

check_PROGRAMS += test_json test_jw
test_json_SOURCES = tests/unit/json/test_json.c tests/tap.h
test_json_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_json_LDADD = $(rooms_libs)
test_jw_SOURCES = tests/unit/json/test_jw.c tests/tap.h
test_jw_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_jw_LDADD = $(rooms_libs)

fuzz_targets += fuzz_json
fuzz_json_SOURCES = tests/fuzz/fuzz_json.c
fuzz_json_LDADD = $(rooms_libs)
fuzz_json_LDFLAGS = $(fuzz_ldflags)
