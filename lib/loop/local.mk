librooms_a_SOURCES += \
	lib/loop/loop.c lib/loop/loop.h \
	lib/loop/pool.c lib/loop/pool.h
