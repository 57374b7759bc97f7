libgate_a_SOURCES += \
	src/ledger/distrust.c \
	src/ledger/keys.c \
	src/ledger/ledger.c src/ledger/ledger.h src/ledger/ledger_int.h \
	src/ledger/settle.c \
	src/ledger/view.c

check_PROGRAMS += test_ledger
test_ledger_SOURCES = tests/unit/ledger/test_ledger.c tests/unit/store/world.h tests/unit/sql/both.h tests/pg.h tests/tap.h
test_ledger_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_ledger_LDADD = $(gate_libs)
