librooms_a_SOURCES += \
	lib/base/addr.c lib/base/addr.h \
	lib/base/b64url.c lib/base/b64url.h \
	lib/base/buf.c lib/base/buf.h \
	lib/base/clock.c lib/base/clock.h \
	lib/base/log.c lib/base/log.h \
	lib/base/mem.c lib/base/mem.h \
	lib/base/problem.c lib/base/problem.h \
	lib/base/rand.c lib/base/rand.h \
	lib/base/secret.c lib/base/secret.h \
	lib/base/span.c lib/base/span.h
