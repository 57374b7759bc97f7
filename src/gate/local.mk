# src/gate: sources, unit tests (check_PROGRAMS) and fuzz targets (fuzz_targets) of this room
libgate_a_SOURCES += \
	src/gate/conf.c src/gate/conf.h \
	src/gate/conf_audit.c src/gate/conf_cas.c \
	src/gate/conf_check.c src/gate/conf_device.c \
	src/gate/conf_case.c src/gate/conf_case.h src/gate/conf_facts.c src/gate/conf_facts.h \
	src/gate/conf_keys.c \
	src/gate/conf_limits.c src/gate/conf_policy.c \
	src/gate/conf_maintenance.c \
	src/gate/conf_presets.c \
	src/gate/conf_solvers.c \
	src/gate/conf_rates.c \
	src/gate/conf_tenant.c \
	src/gate/conf_trust.c \
	src/gate/url.c src/gate/url.h

check_PROGRAMS += test_gate_conf
test_gate_conf_SOURCES = tests/unit/gate/test_gate_conf.c tests/tap.h
test_gate_conf_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_gate_conf_LDADD = $(gate_libs)

check_PROGRAMS += test_conf_policy
test_conf_policy_SOURCES = tests/unit/gate/test_conf_policy.c tests/tap.h
test_conf_policy_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests -DTOP_SRCDIR='"$(abs_top_srcdir)"'
test_conf_policy_LDADD = $(gate_libs)

check_PROGRAMS += test_conf_cas
test_conf_cas_SOURCES = tests/unit/gate/test_conf_cas.c tests/tap.h
test_conf_cas_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_conf_cas_LDADD = $(gate_libs)

# The example file, and the manual's list, from the table of keys: `make regen-conf` after a change of the table.
EXTRA_DIST += etc/acmegate.conf
# What makers publish, for attestation_trust.
attestationdir = $(pkgdatadir)/attestation
dist_attestation_DATA = etc/attestation/android.pem etc/attestation/apple.pem etc/attestation/yubikey.pem etc/attestation/yubikey-intermediates.pem
check_PROGRAMS += test_conf_text
test_conf_text_SOURCES = tests/unit/gate/test_conf_text.c tests/tap.h
test_conf_text_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests -DTOP_SRCDIR='"$(abs_top_srcdir)"'
test_conf_text_LDADD = $(gate_libs)

check_PROGRAMS += test_conf_trust
test_conf_trust_SOURCES = tests/unit/gate/test_conf_trust.c tests/tap.h
test_conf_trust_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_conf_trust_LDADD = $(gate_libs)

.PHONY: regen-conf
regen-conf: test_conf_text
	./test_conf_text example >regen-conf.tmp && cp regen-conf.tmp $(top_srcdir)/etc/acmegate.conf
	./test_conf_text man >regen-conf.tmp && cp regen-conf.tmp $(top_srcdir)/man/acmegate.conf.5
	rm -f regen-conf.tmp

fuzz_targets += fuzz_conf fuzz_text
fuzz_conf_SOURCES = tests/fuzz/fuzz_conf.c
fuzz_conf_LDADD = $(gate_libs)
fuzz_conf_LDFLAGS = $(fuzz_ldflags)
fuzz_text_SOURCES = tests/fuzz/fuzz_text.c
fuzz_text_LDADD = $(gate_libs)
fuzz_text_LDFLAGS = $(fuzz_ldflags)

libgate_a_SOURCES += \
	src/gate/faces.c src/gate/gate.c src/gate/gate.h src/gate/gate_int.h src/gate/holder.c src/gate/holder.h src/gate/housekeep.c src/gate/housekeep.h \
	src/gate/notify.c src/gate/notify.h src/gate/record.c src/gate/record.h src/gate/own_cert.c src/gate/own_cert.h \
	src/gate/sockets.c src/gate/sockets.h \
	src/gate/tls.c src/gate/tls.h

check_PROGRAMS += test_own_cert
test_own_cert_SOURCES = tests/unit/gate/test_own_cert.c tests/unit/pki/forge.h tests/unit/store/world.h tests/unit/sql/both.h tests/pg.h tests/tap.h
test_own_cert_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_own_cert_LDADD = $(gate_libs)
