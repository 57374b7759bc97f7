libgate_a_SOURCES += \
	src/ctl/args.c src/ctl/cmd_audit.c src/ctl/cmd_audit_verify.c src/ctl/cmd_account.c src/ctl/cmd_backup.c src/ctl/cmd_cert.c src/ctl/cmd_config.c src/ctl/cmd_control.c \
	src/ctl/cmd_billing.c src/ctl/focus.c src/ctl/focus.h src/ctl/invoice.c src/ctl/invoice.h src/ctl/cmd_device.c src/ctl/cmd_eab.c src/ctl/cmd_eab_fleet.c src/ctl/eab_formats.c src/ctl/eab_formats.h src/ctl/cmd_face.c src/ctl/cmd_import.c src/ctl/cmd_init.c src/ctl/cmd_limits.c src/ctl/cmd_order.c src/ctl/cmd_policy.c src/ctl/cmd_queue.c src/ctl/cmd_renewals.c src/ctl/fetch.c src/ctl/cmd_status.c src/ctl/cmd_tenant.c src/ctl/commands.c src/ctl/complete.c src/ctl/complete.h src/ctl/complete_fish.c src/ctl/complete_zsh.c src/ctl/ctl.h src/ctl/help.c \
	src/ctl/cmd_agenda.c src/ctl/cmd_incident.c \
	src/ctl/inventory.c src/ctl/inventory.h \
	src/ctl/list.c src/ctl/main.c src/ctl/print.c src/ctl/table.c src/ctl/table.h src/ctl/talk.c \
	src/ctl/cmd_upstream.c src/ctl/cmd_upstream_move.c src/ctl/upstream.h

bin_PROGRAMS += acmegatectl
acmegatectl_SOURCES = src/acmegatectl.c
acmegatectl_LDADD = $(gate_libs)

# The completions, and the manual's list, from the table of commands: `make regen-ctl` after a change of the table.
bashcompletiondir = $(datadir)/bash-completion/completions
dist_man_MANS += man/acmegatectl.1
EXTRA_DIST += etc/acmegatectl.bash-completion
zshcompletiondir = $(datadir)/zsh/vendor-completions
dist_zshcompletion_DATA = etc/_acmegatectl
fishcompletiondir = $(datadir)/fish/vendor_completions.d
dist_fishcompletion_DATA = etc/acmegatectl.fish
check_PROGRAMS += test_ctl_text
test_ctl_text_SOURCES = tests/unit/ctl/test_ctl_text.c tests/tap.h
test_ctl_text_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests -DTOP_SRCDIR='"$(abs_top_srcdir)"'
test_ctl_text_LDADD = $(gate_libs)

check_PROGRAMS += test_ctl test_ctl_live test_inventory
test_inventory_SOURCES = tests/unit/ctl/test_inventory.c tests/tap.h
test_inventory_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_inventory_LDADD = $(gate_libs)
fuzz_targets += fuzz_invoice
fuzz_invoice_SOURCES = tests/fuzz/fuzz_invoice.c
fuzz_invoice_LDADD = $(gate_libs)
fuzz_invoice_LDFLAGS = $(fuzz_ldflags)
EXTRA_DIST += tests/fuzz/seeds/fuzz_invoice
fuzz_targets += fuzz_inventory
fuzz_inventory_SOURCES = tests/fuzz/fuzz_inventory.c
fuzz_inventory_LDADD = $(gate_libs)
fuzz_inventory_LDFLAGS = $(fuzz_ldflags)
EXTRA_DIST += tests/fuzz/seeds/fuzz_inventory
test_ctl_SOURCES = tests/unit/ctl/test_ctl.c tests/tap.h
test_ctl_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_ctl_LDADD = $(gate_libs)
test_ctl_live_SOURCES = tests/unit/ctl/test_ctl_live.c $(admin_scene)
test_ctl_live_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests -DCTL_BINARY='"$(abs_top_builddir)/acmegatectl"'
test_ctl_live_LDADD = $(gate_libs)
EXTRA_test_ctl_live_DEPENDENCIES = acmegatectl

.PHONY: regen-ctl
regen-ctl: test_ctl_text
	./test_ctl_text completion >regen-ctl.tmp && cp regen-ctl.tmp $(top_srcdir)/etc/acmegatectl.bash-completion
	./test_ctl_text zsh >regen-ctl.tmp && cp regen-ctl.tmp $(top_srcdir)/etc/_acmegatectl
	./test_ctl_text fish >regen-ctl.tmp && cp regen-ctl.tmp $(top_srcdir)/etc/acmegatectl.fish
	./test_ctl_text man >regen-ctl.tmp && cp regen-ctl.tmp $(top_srcdir)/man/acmegatectl.1
	rm -f regen-ctl.tmp

# bash looks for the file by the command's name
install-data-local:
	$(MKDIR_P) $(DESTDIR)$(bashcompletiondir)
	$(INSTALL_DATA) $(top_srcdir)/etc/acmegatectl.bash-completion $(DESTDIR)$(bashcompletiondir)/acmegatectl
uninstall-local:
	rm -f $(DESTDIR)$(bashcompletiondir)/acmegatectl
