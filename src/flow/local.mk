libgate_a_SOURCES += src/flow/authz.c src/flow/authz.h src/flow/bill.c src/flow/bill.h src/flow/decision.c src/flow/decision.h src/flow/decision_final.c src/flow/device.c src/flow/device.h src/flow/inventory.c src/flow/inventory.h src/flow/issue.c src/flow/issue.h src/flow/mapped.c src/flow/mapped.h src/flow/names.c src/flow/names.h src/flow/rank.c src/flow/rank.h src/flow/order.c src/flow/order.h \
	src/flow/revoke.c src/flow/revoke.h src/flow/usage.c src/flow/usage.h src/flow/work.c src/flow/work.h

check_PROGRAMS += test_rules test_flow test_inventory_flow test_names
test_inventory_flow_SOURCES = tests/unit/flow/test_inventory_flow.c tests/unit/store/world.h tests/unit/sql/both.h tests/pg.h tests/tap.h
test_inventory_flow_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_inventory_flow_LDADD = $(gate_libs)
check_PROGRAMS += test_mapped
test_mapped_SOURCES = tests/unit/flow/test_mapped.c tests/unit/store/world.h tests/unit/sql/both.h tests/pg.h tests/tap.h
test_mapped_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_mapped_LDADD = $(gate_libs)
test_names_SOURCES = tests/unit/flow/test_names.c tests/tap.h
test_names_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_names_LDADD = $(gate_libs)
test_rules_SOURCES = tests/unit/flow/test_rules.c tests/tap.h
test_rules_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_rules_LDADD = $(gate_libs)
test_flow_SOURCES = tests/unit/flow/test_flow.c tests/unit/store/world.h tests/unit/sql/both.h tests/pg.h tests/tap.h
test_flow_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_flow_LDADD = $(gate_libs)
check_PROGRAMS += test_work
test_work_SOURCES = tests/unit/flow/test_work.c tests/unit/store/world.h tests/unit/sql/both.h tests/pg.h tests/tap.h
test_work_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_work_LDADD = $(gate_libs)
