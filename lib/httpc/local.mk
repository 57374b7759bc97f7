# lib/httpc: sources, unit tests (check_PROGRAMS) and fuzz targets (fuzz_targets) of this room
librooms_a_SOURCES += \
	lib/httpc/client.c lib/httpc/httpc.h \
	lib/httpc/head.c lib/httpc/head.h \
	lib/httpc/link.c \
	lib/httpc/reply.c \
	lib/httpc/request.c \
	lib/httpc/sockets.c lib/httpc/sockets.h \
	lib/httpc/transfer.c lib/httpc/transfer.h

check_PROGRAMS += test_httpc
test_httpc_SOURCES = tests/unit/httpc/test_httpc.c tests/unit/httpc/client.h tests/unit/httpc/server.h \
	tests/tap.h
test_httpc_LDADD = $(rooms_libs)
test_httpc_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests

check_PROGRAMS += test_httpc_tls
test_httpc_tls_SOURCES = tests/unit/httpc/test_httpc_tls.c tests/unit/httpc/client.h \
	tests/unit/httpc/server.h tests/tap.h
test_httpc_tls_LDADD = $(rooms_libs)
test_httpc_tls_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests

check_PROGRAMS += test_httpc_queue
test_httpc_queue_SOURCES = tests/unit/httpc/test_httpc_queue.c tests/unit/httpc/client.h \
	tests/unit/httpc/server.h tests/tap.h
test_httpc_queue_LDADD = $(rooms_libs)
test_httpc_queue_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests

check_PROGRAMS += test_link
test_link_SOURCES = tests/unit/httpc/test_link.c tests/tap.h
test_link_LDADD = $(rooms_libs)
test_link_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests

fuzz_targets += fuzz_link
fuzz_link_SOURCES = tests/fuzz/fuzz_link.c
fuzz_link_LDADD = $(rooms_libs)
fuzz_link_LDFLAGS = $(fuzz_ldflags)
