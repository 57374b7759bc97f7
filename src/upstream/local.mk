# src/upstream: sources, unit tests (check_PROGRAMS) and fuzz targets (fuzz_targets) of this room
libgate_a_SOURCES += \
	src/upstream/ca.c src/upstream/ca.h src/upstream/ca_int.h \
	src/upstream/ca_call.c \
	src/upstream/ca_directory.c \
	src/upstream/ca_get.c \
	src/upstream/ca_nonce.c \
	src/upstream/ca_pace.c \
	src/upstream/circuit.c src/upstream/circuit.h \
	src/upstream/eab.c src/upstream/eab.h \
	src/upstream/lookup_plan.c src/upstream/lookup_plan.h \
	src/upstream/nonce.c src/upstream/nonce.h \
	src/upstream/pace.c src/upstream/pace.h

check_PROGRAMS += test_upstream_parts test_ca_mock test_ca_pace test_ca_pebble test_lookup_plan
test_lookup_plan_SOURCES = tests/unit/upstream/test_lookup_plan.c tests/tap.h
test_lookup_plan_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_lookup_plan_LDADD = $(gate_libs)
test_ca_pace_SOURCES = tests/unit/upstream/test_ca_pace.c tests/unit/upstream/mock.c tests/unit/upstream/rig.c tests/unit/upstream/rig.h tests/tap.h
test_ca_pace_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_ca_pace_LDADD = $(gate_libs)
test_upstream_parts_SOURCES = tests/unit/upstream/test_parts.c tests/tap.h
test_upstream_parts_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_upstream_parts_LDADD = $(gate_libs)
test_ca_mock_SOURCES = tests/unit/upstream/test_ca_mock.c tests/unit/upstream/mock.c tests/unit/upstream/rig.c tests/unit/upstream/rig.h tests/tap.h
test_ca_mock_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_ca_mock_LDADD = $(gate_libs)
test_ca_pebble_SOURCES = tests/unit/upstream/test_ca_pebble.c tests/unit/upstream/pebble.c tests/unit/upstream/rig.c tests/unit/upstream/rig.h tests/tap.h
test_ca_pebble_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_ca_pebble_LDADD = $(gate_libs)

libgate_a_SOURCES += \
	src/upstream/dispatch.c src/upstream/dispatch.h src/upstream/dispatch_int.h \
	src/upstream/dispatch_admit.c src/upstream/dispatch_board.c src/upstream/dispatch_foresee.c src/upstream/dispatch_tell.c \
	src/upstream/account.c src/upstream/account_end.c src/upstream/account_job.c src/upstream/account_job.h src/upstream/account_tell.c src/upstream/issue.c src/upstream/issue.h src/upstream/issue_ask.c \
	src/upstream/issue_cert.c src/upstream/issue_early.c src/upstream/issue_end.c src/upstream/issue_find.c src/upstream/issue_guard.c src/upstream/issue_ledger.c \
	src/upstream/issue_move.c src/upstream/issue_order.c src/upstream/issue_replaces.c src/upstream/issue_prove.c src/upstream/issue_tell.c \
	src/upstream/http01_face.c src/upstream/http01_face.h \
	src/upstream/local.c src/upstream/local.h src/upstream/revoke_job.c \
	src/upstream/lookup.c src/upstream/lookup.h src/upstream/lookup_int.h \
	src/upstream/lookup_ask.c src/upstream/lookup_end.c src/upstream/lookup_list.c \
	src/upstream/upstreams.c src/upstream/upstreams.h

fuzz_targets += fuzz_http_reply
fuzz_http_reply_SOURCES = tests/fuzz/fuzz_http_reply.c
fuzz_http_reply_LDADD = $(gate_libs)
fuzz_http_reply_LDFLAGS = $(fuzz_ldflags)
