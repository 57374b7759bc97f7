# lib/price: sources and tests of this room
librooms_a_SOURCES += lib/price/price.c lib/price/price.h

check_PROGRAMS += test_price
test_price_SOURCES = tests/unit/price/test_price.c tests/tap.h
test_price_LDADD = $(rooms_libs)
test_price_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
