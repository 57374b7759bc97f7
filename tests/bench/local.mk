# tests/bench: sources, unit tests (check_PROGRAMS) and fuzz targets (fuzz_targets) of this room

bench_common = tests/bench/bench.h tests/bench/util.c
bench_steps_parts = tests/bench/steps.c tests/bench/steps.h tests/bench/steps_int.h tests/bench/steps_io.c \
	tests/bench/lab_server.c tests/bench/lab_server.h
bench_cppflags = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/bench

bench_programs = bench_attest bench_ca bench_load bench_policy bench_steps
EXTRA_PROGRAMS += $(bench_programs)
bench_attest_SOURCES = tests/bench/attest.c tests/unit/attest/model.h tests/unit/attest/vector.h $(bench_common)
bench_attest_LDADD = $(rooms_libs)
bench_attest_CPPFLAGS = $(bench_cppflags) -I$(top_srcdir)/tests/unit/attest
bench_ca_SOURCES = tests/bench/ca.c $(bench_common)
bench_ca_LDADD = $(rooms_libs)
bench_ca_CPPFLAGS = $(bench_cppflags)
bench_policy_SOURCES = tests/bench/policy.c $(bench_common)
bench_policy_LDADD = $(gate_libs)
bench_policy_CPPFLAGS = $(bench_cppflags)
bench_steps_SOURCES = tests/bench/bench_steps.c $(bench_steps_parts) $(bench_common)
bench_steps_LDADD = $(gate_libs)
bench_steps_CPPFLAGS = $(bench_cppflags)
bench_load_SOURCES = tests/bench/bench_load.c $(bench_steps_parts) $(bench_common) \
	tests/bench/daemon.c tests/bench/daemon.h tests/bench/device.c tests/bench/device.h \
	tests/bench/fill.c tests/bench/fill.h tests/bench/idle.c tests/bench/idle.h \
	tests/bench/lab.c tests/bench/load.c tests/bench/load.h
bench_load_LDADD = $(gate_libs)
bench_load_CPPFLAGS = $(bench_cppflags)

# About six minutes on two cores; nothing in it passes or fails by time. BENCH=steps, or any parts, for less.
.PHONY: bench
bench: acmegated bench_ca bench_load bench_attest
	./bench_load $(BENCH)

# ./check builds them, lest they rot.
.PHONY: bench-programs
bench-programs: $(bench_programs)

# Attestation alone.
.PHONY: bench-attest
bench-attest: bench_attest
	./bench_attest

# Rules alone.
.PHONY: bench-policy
bench-policy: bench_policy
	./bench_policy
