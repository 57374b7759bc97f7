libgate_a_SOURCES += \
	src/server/api.h src/server/attest.c src/server/attest.h src/server/directory.c src/server/eab.c src/server/eab_key.c src/server/envelope.c \
	src/server/ep_account.c src/server/ep_authz.c src/server/ep_cert.c src/server/ep_finalize.c \
	src/server/ep_key_change.c src/server/ep_new_authz.c src/server/ep_new_order.c src/server/ep_revoke.c src/server/offer.c \
	src/server/offer.h \
	src/server/keycache.c src/server/keycache.h src/server/health.c src/server/health.h src/server/limits.c src/server/limits.h src/server/nonce.c src/server/nonce.h \
	src/server/ep_renewal.c src/server/ep_renewal_batch.c src/server/renewal_list.c src/server/renewal_list.h \
	src/server/replaces.c src/server/reply.c src/server/routes.c src/server/trail.c src/server/server.c src/server/server.h src/server/stats.c src/server/stats.h

check_PROGRAMS += test_nonce
test_nonce_SOURCES = tests/unit/server/test_nonce.c tests/tap.h
test_nonce_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_nonce_LDADD = $(gate_libs)
server_lab = tests/unit/server/lab.c tests/unit/server/lab.h tests/unit/pki/forge.h tests/tap.h
check_PROGRAMS += test_eab test_health test_limits test_owner test_reject test_serve test_moved_key test_replaces test_renewal_info test_renewal_batch test_stats
test_renewal_batch_SOURCES = tests/unit/server/test_renewal_batch.c $(server_lab)
test_renewal_batch_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_renewal_batch_LDADD = $(gate_libs)
test_renewal_info_SOURCES = tests/unit/server/test_renewal_info.c $(server_lab)
test_renewal_info_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_renewal_info_LDADD = $(gate_libs)
test_replaces_SOURCES = tests/unit/server/test_replaces.c $(server_lab)
test_replaces_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_replaces_LDADD = $(gate_libs)
test_health_SOURCES = tests/unit/server/test_health.c $(server_lab)
test_health_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_health_LDADD = $(gate_libs)
test_stats_SOURCES = tests/unit/server/test_stats.c $(server_lab)
test_stats_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_stats_LDADD = $(gate_libs)
test_reject_SOURCES = tests/unit/server/test_reject.c $(server_lab)
test_reject_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_reject_LDADD = $(gate_libs)
test_serve_SOURCES = tests/unit/server/test_serve.c tests/pg.h $(server_lab)
test_serve_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_serve_LDADD = $(gate_libs)
test_owner_SOURCES = tests/unit/server/test_owner.c $(server_lab)
test_owner_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_owner_LDADD = $(gate_libs)
test_eab_SOURCES = tests/unit/server/test_eab.c $(server_lab)
test_eab_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_eab_LDADD = $(gate_libs)
test_limits_SOURCES = tests/unit/server/test_limits.c $(server_lab)
test_limits_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_limits_LDADD = $(gate_libs)
test_moved_key_SOURCES = tests/unit/server/test_moved_key.c $(server_lab)
test_moved_key_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_moved_key_LDADD = $(gate_libs)

fuzz_targets += fuzz_request
fuzz_request_SOURCES = tests/fuzz/fuzz_request.c tests/fuzz/inside.h $(server_lab)
fuzz_request_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
fuzz_request_LDADD = $(gate_libs)
fuzz_request_LDFLAGS = $(fuzz_ldflags) $(fuzz_inside)
