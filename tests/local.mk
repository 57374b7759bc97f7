EXTRA_DIST += tests/tap.h tests/pg.h tests/pg.sh tests/run tests/packages.txt \
	tests/tsan.supp tests/layers tests/doc.sh tests/man.sh tests/units.sh tests/completion.sh tests/prometheus.py tests/go tests/fuzz tests/e2e

check_SCRIPTS += tests/layers tests/doc.sh tests/man.sh tests/units.sh tests/completion.sh tests/prometheus.py tests/fuzz/table
TESTS = $(check_PROGRAMS) $(check_SCRIPTS)

# For ./check: names of what can be run.
.PHONY: list-tests list-threaded list-plain list-fuzz
list-tests:
	@printf '%s\n' $(check_PROGRAMS)
list-fuzz:
	@printf '%s\n' $(fuzz_targets)
# what has threads of its own: run under ThreadSanitizer
list-threaded:
	@printf '%s\n' $(check_PROGRAMS) | grep -Ex 'test_(loop|proc|buckets|tally|sql.*|httpd|hello|httpc.*|dns|authority|jobs.*|keeper|ca_.*|nonce.*|keycache.*|dns01|persist|caa|tlsc|tlsalpn01|http01.*|validate_job|owner|reject.*|serve.*|eab|limits|stats|metrics|admin.*|attest_threads|ctl_live|renewal.*|health)'
# what behaves otherwise under a sanitizer: run without, too
list-plain:
	@printf '%s\n' $(check_PROGRAMS) | grep '^test_keeper'

# Good devices and attackers together, for as long as you like; not a part of check.
MINUTES = 30
.PHONY: soak
soak: all
	ACMEGATE_BUILD=$(abs_top_builddir) $(top_srcdir)/tests/e2e/soak.py $(MINUTES)

# Each fuzz target for HOURS (or SECONDS), JOBS at a time, in a build with --enable-fuzz; FUZZ="fuzz_conf ..." for some of them.
# The corpus lives on in CORPUS.
HOURS = 1
SECONDS = $$(($(HOURS) * 3600))
JOBS = 2
FUZZ = $(fuzz_targets)
CORPUS = fuzz-corpus
.PHONY: fuzz
fuzz:
if FUZZ
	$(MAKE) $(AM_MAKEFLAGS) $(FUZZ)
	$(top_srcdir)/tests/fuzz/run -m -j $(JOBS) -s $(SECONDS) -c $(CORPUS) . $(FUZZ)
else
	@echo 'fuzz targets need a build of their own: CC=clang ../configure --enable-fuzz --enable-asan' >&2; false
endif
