librooms_a_SOURCES += \
	lib/attest/android.c \
	lib/attest/apple.c \
	lib/attest/attest.c lib/attest/attest.h \
	lib/attest/facts.c \
	lib/attest/format.h \
	lib/attest/key_desc.c lib/attest/key_desc.h \
	lib/attest/packed.c \
	lib/attest/revoked.c lib/attest/revoked.h \
	lib/attest/step.c \
	lib/attest/stmt.c \
	lib/attest/tpm.c lib/attest/tpm.h \
	lib/attest/tpm_ak.c \
	lib/attest/tpm_pub.c \
	lib/attest/tpm_sig.c \
	lib/attest/trust.c

attest_cppflags = $(AM_CPPFLAGS) -I$(top_srcdir)/tests -I$(top_srcdir)/tests/unit/pki
attest_lab = tests/unit/attest/lab.h tests/unit/attest/model.h tests/unit/pki/forge.h tests/tap.h

check_PROGRAMS += test_attest_revoked
test_attest_revoked_SOURCES = tests/unit/attest/test_attest_revoked.c tests/tap.h
test_attest_revoked_LDADD = $(rooms_libs)
test_attest_revoked_CPPFLAGS = $(attest_cppflags)
check_PROGRAMS += test_attest_crl
test_attest_crl_SOURCES = tests/unit/attest/test_attest_crl.c $(attest_lab)
test_attest_crl_LDADD = $(rooms_libs)
test_attest_crl_CPPFLAGS = $(attest_cppflags)
check_PROGRAMS += test_attest_step
test_attest_step_SOURCES = tests/unit/attest/test_attest_step.c $(attest_lab)
test_attest_step_LDADD = $(rooms_libs)
test_attest_step_CPPFLAGS = $(attest_cppflags)
check_PROGRAMS += test_attest_apple
test_attest_apple_SOURCES = tests/unit/attest/test_attest_apple.c $(attest_lab)
test_attest_apple_LDADD = $(rooms_libs)
test_attest_apple_CPPFLAGS = $(attest_cppflags)
check_PROGRAMS += test_attest_android
test_attest_android_SOURCES = tests/unit/attest/test_attest_android.c $(attest_lab)
test_attest_android_LDADD = $(rooms_libs)
test_attest_android_CPPFLAGS = $(attest_cppflags)
check_PROGRAMS += test_attest_tpm
test_attest_tpm_SOURCES = tests/unit/attest/test_attest_tpm.c tests/unit/attest/tpm_form.h $(attest_lab)
test_attest_tpm_LDADD = $(rooms_libs)
test_attest_tpm_CPPFLAGS = $(attest_cppflags)
check_PROGRAMS += test_attest_tpm_ak
test_attest_tpm_ak_SOURCES = tests/unit/attest/test_attest_tpm_ak.c tests/unit/attest/tpm_form.h $(attest_lab)
test_attest_tpm_ak_LDADD = $(rooms_libs)
test_attest_tpm_ak_CPPFLAGS = $(attest_cppflags)
check_PROGRAMS += test_attest_vectors
test_attest_vectors_SOURCES = tests/unit/attest/test_attest_vectors.c tests/unit/attest/vector.h tests/tap.h
test_attest_vectors_LDADD = $(rooms_libs)
test_attest_vectors_CPPFLAGS = $(attest_cppflags)
check_PROGRAMS += test_attest_mutations
test_attest_mutations_SOURCES = tests/unit/attest/test_attest_mutations.c tests/unit/attest/model.h \
	tests/unit/attest/vector.h tests/tap.h
test_attest_mutations_LDADD = $(rooms_libs)
test_attest_mutations_CPPFLAGS = $(attest_cppflags)
check_PROGRAMS += test_attest_threads
test_attest_threads_SOURCES = tests/unit/attest/test_attest_threads.c tests/unit/attest/vector.h tests/tap.h
test_attest_threads_LDADD = $(rooms_libs)
test_attest_threads_CPPFLAGS = $(attest_cppflags)
EXTRA_DIST += tests/data/attestation

attest_fuzz = tests/fuzz/attest.h tests/unit/attest/model.h tests/unit/pki/forge.h
attest_fuzz_cppflags = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/unit/pki -I$(top_srcdir)/tests/unit/attest
fuzz_targets += fuzz_attest_packed
fuzz_attest_packed_SOURCES = tests/fuzz/fuzz_attest_packed.c $(attest_fuzz)
fuzz_attest_packed_LDADD = $(rooms_libs)
fuzz_attest_packed_LDFLAGS = $(fuzz_ldflags)
fuzz_attest_packed_CPPFLAGS = $(attest_fuzz_cppflags)
EXTRA_DIST += tests/fuzz/seeds/fuzz_attest_packed
fuzz_targets += fuzz_attest_step
fuzz_attest_step_SOURCES = tests/fuzz/fuzz_attest_step.c $(attest_fuzz)
fuzz_attest_step_LDADD = $(rooms_libs)
fuzz_attest_step_LDFLAGS = $(fuzz_ldflags)
fuzz_attest_step_CPPFLAGS = $(attest_fuzz_cppflags)
EXTRA_DIST += tests/fuzz/seeds/fuzz_attest_step
fuzz_targets += fuzz_attest_apple
fuzz_attest_apple_SOURCES = tests/fuzz/fuzz_attest_apple.c $(attest_fuzz)
fuzz_attest_apple_LDADD = $(rooms_libs)
fuzz_attest_apple_LDFLAGS = $(fuzz_ldflags)
fuzz_attest_apple_CPPFLAGS = $(attest_fuzz_cppflags)
EXTRA_DIST += tests/fuzz/seeds/fuzz_attest_apple
fuzz_targets += fuzz_attest_android
fuzz_attest_android_SOURCES = tests/fuzz/fuzz_attest_android.c $(attest_fuzz)
fuzz_attest_android_LDADD = $(rooms_libs)
fuzz_attest_android_LDFLAGS = $(fuzz_ldflags)
fuzz_attest_android_CPPFLAGS = $(attest_fuzz_cppflags)
EXTRA_DIST += tests/fuzz/seeds/fuzz_attest_android
fuzz_targets += fuzz_attest_tpm
fuzz_attest_tpm_SOURCES = tests/fuzz/fuzz_attest_tpm.c $(attest_fuzz)
fuzz_attest_tpm_LDADD = $(rooms_libs)
fuzz_attest_tpm_LDFLAGS = $(fuzz_ldflags)
fuzz_attest_tpm_CPPFLAGS = $(attest_fuzz_cppflags)
EXTRA_DIST += tests/fuzz/seeds/fuzz_attest_tpm
fuzz_targets += fuzz_key_desc
fuzz_key_desc_SOURCES = tests/fuzz/fuzz_key_desc.c
fuzz_key_desc_LDADD = $(rooms_libs)
fuzz_key_desc_LDFLAGS = $(fuzz_ldflags)
EXTRA_DIST += tests/fuzz/seeds/fuzz_key_desc
