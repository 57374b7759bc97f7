libgate_a_SOURCES += \
	src/admin/accounts.c src/admin/admin.c src/admin/admin.h src/admin/call.h src/admin/certs.c \
	src/admin/control.c src/admin/orders.c src/admin/parts.c src/admin/resources.c src/admin/status.c
