libgate_a_SOURCES += src/renewal/cache.c src/renewal/cache.h src/renewal/plan.c src/renewal/plan.h \
	src/renewal/plan_job.c src/renewal/plan_job.h src/renewal/renewal.c src/renewal/renewal.h src/renewal/window.c src/renewal/window.h

check_PROGRAMS += test_window test_renewal test_renewal_plan
test_window_SOURCES = tests/unit/renewal/test_window.c tests/tap.h
test_window_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_window_LDADD = $(gate_libs)
test_renewal_SOURCES = tests/unit/renewal/test_renewal.c tests/unit/store/world.h tests/unit/sql/both.h tests/pg.h tests/tap.h
test_renewal_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_renewal_LDADD = $(gate_libs)
test_renewal_plan_SOURCES = tests/unit/renewal/test_renewal_plan.c tests/unit/store/world.h tests/unit/sql/both.h tests/pg.h tests/tap.h
test_renewal_plan_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_renewal_plan_LDADD = $(gate_libs)
