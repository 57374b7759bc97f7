libgate_a_SOURCES += \
	src/store/account.c src/store/account.h \
	src/store/audit.c src/store/audit.h \
	src/store/audit_trail.c src/store/audit_trail.h \
	src/store/authz.c src/store/authz.h src/store/authz_proof.c \
	src/store/bill.c src/store/bill.h \
	src/store/agenda.c src/store/agenda.h \
	src/store/cert.c src/store/cert.h \
	src/store/device.c src/store/device.h \
	src/store/device_name.c src/store/device_name.h \
	src/store/eab.c src/store/eab.h \
	src/store/event.c src/store/event.h \
	src/store/evidence.c src/store/evidence.h \
	src/store/incident.c src/store/incident.h \
	src/store/job.c src/store/job.h \
	src/store/lookup.c src/store/lookup.h \
	src/store/order.c src/store/order.h \
	src/store/order_policy.c src/store/order_policy.h \
	src/store/queue.c src/store/queue.h \
	src/store/quota.c src/store/quota.h \
	src/store/proof_record.c src/store/proof_record.h \
	src/store/renewal.c src/store/renewal.h \
	src/store/renewal_plan.c src/store/renewal_plan.h \
	src/store/schema.c src/store/schema.h \
	src/store/sweep.c src/store/sweep.h \
	src/store/usage.c src/store/usage.h \
	src/store/upstream.c src/store/upstream.h \
	src/store/upstream_life.c src/store/upstream_life.h

check_PROGRAMS += test_store
test_store_SOURCES = tests/unit/store/test_store.c tests/unit/store/cases_lookup.c tests/unit/store/cases_incident.c tests/unit/store/cases_agenda.c tests/unit/store/cases.h tests/unit/store/world.h tests/unit/sql/both.h tests/pg.h tests/tap.h
test_store_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_store_LDADD = $(gate_libs)
test_store_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=sql_begin

check_PROGRAMS += test_upgrade
test_upgrade_SOURCES = tests/unit/store/test_upgrade.c tests/unit/store/world.h tests/unit/sql/both.h tests/pg.h tests/tap.h
test_upgrade_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_upgrade_LDADD = $(gate_libs)
