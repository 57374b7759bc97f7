libgate_a_SOURCES += \
	src/ctl/args.c src/ctl/cmd_account.c src/ctl/cmd_cert.c src/ctl/cmd_config.c src/ctl/cmd_control.c \
	src/ctl/cmd_init.c src/ctl/cmd_order.c src/ctl/cmd_status.c src/ctl/commands.c src/ctl/ctl.h src/ctl/help.c \
	src/ctl/list.c src/ctl/main.c src/ctl/print.c src/ctl/table.c src/ctl/table.h src/ctl/talk.c

bin_PROGRAMS += acmegatectl
acmegatectl_SOURCES = src/acmegatectl.c
acmegatectl_LDADD = $(gate_libs)
