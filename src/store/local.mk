libgate_a_SOURCES += \
	src/store/account.c src/store/account.h \
	src/store/authz.c src/store/authz.h \
	src/store/cert.c src/store/cert.h \
	src/store/event.c src/store/event.h \
	src/store/job.c src/store/job.h \
	src/store/order.c src/store/order.h \
	src/store/schema.c src/store/schema.h \
	src/store/sweep.c src/store/sweep.h \
	src/store/upstream.c src/store/upstream.h
