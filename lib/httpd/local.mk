# lib/httpd: sources, unit tests (check_PROGRAMS) and fuzz targets (fuzz_targets) of this room
librooms_a_SOURCES += \
	lib/httpd/accept.c \
	lib/httpd/chunk.c lib/httpd/chunk.h \
	lib/httpd/conn.c \
	lib/httpd/head.c lib/httpd/head.h \
	lib/httpd/httpd.h \
	lib/httpd/listen.c \
	lib/httpd/reply.c \
	lib/httpd/request.c \
	lib/httpd/server.c lib/httpd/server.h \
	lib/httpd/hello.c lib/httpd/hello.h lib/httpd/shake.c \
	lib/httpd/tls.c lib/httpd/tls.h

check_PROGRAMS += test_chunk test_head test_httpd test_hello
test_hello_SOURCES = tests/unit/httpd/test_hello.c tests/tap.h
test_hello_LDADD = $(rooms_libs)
test_hello_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_chunk_SOURCES = tests/unit/httpd/test_chunk.c tests/tap.h
test_chunk_LDADD = $(rooms_libs)
test_chunk_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_head_SOURCES = tests/unit/httpd/test_head.c tests/tap.h
test_head_LDADD = $(rooms_libs)
test_head_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_httpd_SOURCES = tests/unit/httpd/test_httpd.c tests/unit/httpd/rig.c tests/unit/httpd/rig.h \
	tests/tap.h
test_httpd_LDADD = $(rooms_libs)
test_httpd_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests

fuzz_targets += fuzz_http_head fuzz_http_chunk fuzz_hello
fuzz_hello_SOURCES = tests/fuzz/fuzz_hello.c
fuzz_hello_LDADD = $(rooms_libs)
fuzz_hello_LDFLAGS = $(fuzz_ldflags)
fuzz_http_head_SOURCES = tests/fuzz/fuzz_http_head.c
fuzz_http_head_LDADD = $(rooms_libs)
fuzz_http_head_LDFLAGS = $(fuzz_ldflags)
fuzz_http_chunk_SOURCES = tests/fuzz/fuzz_http_chunk.c
fuzz_http_chunk_LDADD = $(rooms_libs)
fuzz_http_chunk_LDFLAGS = $(fuzz_ldflags)


EXTRA_PROGRAMS += idle_conns
idle_conns_SOURCES = tests/bench/idle_conns.c tests/unit/httpd/rig.c tests/unit/httpd/rig.h
idle_conns_LDADD = $(rooms_libs)
idle_conns_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit/httpd

fuzz_targets += fuzz_http_conn
fuzz_http_conn_SOURCES = tests/fuzz/fuzz_http_conn.c
fuzz_http_conn_LDADD = $(rooms_libs)
fuzz_http_conn_LDFLAGS = $(fuzz_ldflags)
