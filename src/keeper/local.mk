# src/keeper: sources, unit tests (check_PROGRAMS) and fuzz targets (fuzz_targets) of this room
libgate_a_SOURCES += \
	src/keeper/child.c src/keeper/child.h \
	src/keeper/client.c src/keeper/keeper.h \
	src/keeper/guard.c src/keeper/guard.h \
	src/keeper/ops.c src/keeper/ops.h \
	src/keeper/proto.c src/keeper/proto.h \
	src/keeper/sandbox.c src/keeper/sandbox.h \
	src/keeper/seal.c src/keeper/seal.h \
	src/keeper/server.c src/keeper/server.h \
	src/keeper/vault.c src/keeper/vault.h

check_PROGRAMS += test_keeper test_keeper_guard test_keeper_process test_keeper_proto \
	test_keeper_sandbox test_keeper_seal test_keeper_server
keeper_test_cppflags = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_keeper_proto_SOURCES = tests/unit/keeper/test_proto.c tests/tap.h
test_keeper_proto_LDADD = $(gate_libs)
test_keeper_proto_CPPFLAGS = $(keeper_test_cppflags)
test_keeper_seal_SOURCES = tests/unit/keeper/test_seal.c tests/tap.h
test_keeper_seal_LDADD = $(gate_libs)
test_keeper_seal_CPPFLAGS = $(keeper_test_cppflags)
test_keeper_guard_SOURCES = tests/unit/keeper/test_guard.c tests/tap.h
test_keeper_guard_LDADD = $(gate_libs)
test_keeper_guard_CPPFLAGS = $(keeper_test_cppflags)
test_keeper_sandbox_SOURCES = tests/unit/keeper/test_sandbox.c tests/tap.h
test_keeper_sandbox_LDADD = $(gate_libs)
test_keeper_sandbox_CPPFLAGS = $(keeper_test_cppflags)
test_keeper_server_SOURCES = tests/unit/keeper/test_server.c tests/unit/keeper/scene.h tests/tap.h
test_keeper_server_LDADD = $(gate_libs)
test_keeper_server_CPPFLAGS = $(keeper_test_cppflags)
test_keeper_SOURCES = tests/unit/keeper/test_keeper.c tests/unit/keeper/scene.h tests/tap.h
test_keeper_LDADD = $(gate_libs)
test_keeper_CPPFLAGS = $(keeper_test_cppflags)
test_keeper_process_SOURCES = tests/unit/keeper/test_process.c tests/unit/keeper/scene.h tests/tap.h
test_keeper_process_LDADD = $(gate_libs)
test_keeper_process_CPPFLAGS = $(keeper_test_cppflags)

fuzz_targets += fuzz_keeper fuzz_ops
fuzz_ops_SOURCES = tests/fuzz/fuzz_ops.c
fuzz_ops_LDADD = $(gate_libs)
fuzz_ops_LDFLAGS = $(fuzz_ldflags)
fuzz_keeper_SOURCES = tests/fuzz/fuzz_keeper.c
fuzz_keeper_LDADD = $(gate_libs)
fuzz_keeper_LDFLAGS = $(fuzz_ldflags)
