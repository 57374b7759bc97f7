libgate_a_SOURCES += src/flow/authz.c src/flow/authz.h src/flow/issue.c src/flow/issue.h src/flow/order.c src/flow/order.h
