libgate_a_SOURCES += \
	src/validate/device_hook.c src/validate/device_question.c src/validate/device_question.h src/validate/hook_answer.c src/validate/hook_answer.h src/validate/caa.c src/validate/caa.h src/validate/tlsalpn01.c src/validate/dns01.c src/validate/hop.c src/validate/hop.h src/validate/issue_value.c src/validate/issue_value.h \
	src/validate/persist.c src/validate/persist.h src/validate/persist01.c src/validate/http01.c src/validate/job.c src/validate/job.h src/validate/validate.h

check_PROGRAMS += test_hook_answer test_persist test_caa test_tlsalpn01 test_dns01 test_http01 test_validate_job
test_hook_answer_SOURCES = tests/unit/validate/test_hook_answer.c tests/tap.h
test_hook_answer_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_hook_answer_LDADD = $(gate_libs)
test_persist_SOURCES = tests/unit/validate/test_persist.c tests/flag.h tests/unit/validate/net.h tests/unit/httpc/server.h tests/unit/pki/forge.h tests/tap.h
test_persist_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_persist_LDADD = $(gate_libs)
test_caa_SOURCES = tests/unit/validate/test_caa.c tests/flag.h tests/unit/validate/net.h tests/unit/httpc/server.h tests/unit/pki/forge.h tests/tap.h
test_caa_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_caa_LDADD = $(gate_libs)
test_tlsalpn01_SOURCES = tests/unit/validate/test_tlsalpn01.c tests/flag.h tests/unit/validate/net.h tests/unit/httpc/server.h tests/unit/pki/forge.h \
	tests/tap.h
test_tlsalpn01_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_tlsalpn01_LDADD = $(gate_libs)
test_dns01_SOURCES = tests/unit/validate/test_dns01.c tests/flag.h tests/unit/validate/net.h tests/unit/httpc/server.h tests/unit/pki/forge.h tests/tap.h
test_dns01_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_dns01_LDADD = $(gate_libs)
test_http01_SOURCES = tests/unit/validate/test_http01.c tests/unit/validate/net.h tests/unit/httpc/server.h tests/unit/pki/forge.h tests/tap.h
test_http01_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_http01_LDADD = $(gate_libs)
test_validate_job_SOURCES = tests/unit/validate/test_validate_job.c tests/unit/validate/net.h tests/unit/store/world.h tests/unit/httpc/server.h \
	tests/unit/pki/forge.h tests/pg.h tests/tap.h
test_validate_job_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
test_validate_job_LDADD = $(gate_libs)

fuzz_targets += fuzz_hook
fuzz_hook_SOURCES = tests/fuzz/fuzz_hook.c
fuzz_hook_LDADD = $(gate_libs)
fuzz_hook_LDFLAGS = $(fuzz_ldflags)
EXTRA_DIST += tests/fuzz/seeds/fuzz_hook

fuzz_targets += fuzz_http01
fuzz_http01_SOURCES = tests/fuzz/fuzz_http01.c
fuzz_http01_LDADD = $(gate_libs)
fuzz_http01_LDFLAGS = $(fuzz_ldflags)

fuzz_targets += fuzz_caa
fuzz_caa_SOURCES = tests/fuzz/fuzz_caa.c
fuzz_caa_LDADD = $(gate_libs)
fuzz_caa_LDFLAGS = $(fuzz_ldflags)

fuzz_targets += fuzz_persist
fuzz_persist_SOURCES = tests/fuzz/fuzz_persist.c
fuzz_persist_LDADD = $(gate_libs)
fuzz_persist_LDFLAGS = $(fuzz_ldflags)
