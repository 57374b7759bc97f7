librooms_a_SOURCES += \
	lib/sched/cell.c \
	lib/sched/fair.c lib/sched/fair.h \
	lib/sched/forecast.c \
	lib/sched/heap.c lib/sched/heap.h \
	lib/sched/rise.c \
	lib/sched/sched.c lib/sched/sched.h lib/sched/sched_int.h \
	lib/sched/table.c lib/sched/table.h \
	lib/sched/width.c lib/sched/width.h

check_PROGRAMS += test_sched
test_sched_SOURCES = tests/unit/sched/test_sched.c tests/tap.h
test_sched_LDADD = $(rooms_libs)
test_sched_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
