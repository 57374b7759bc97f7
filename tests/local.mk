EXTRA_DIST += tests/tap.h tests/pg.h tests/pg.sh tests/run tests/packages.txt \
	tests/layers tests/doc.sh tests/man.sh tests/fuzz/run tests/e2e

check_SCRIPTS += tests/layers tests/doc.sh tests/man.sh
TESTS = $(check_PROGRAMS) $(check_SCRIPTS)

# For ./check: names of what can be run.
.PHONY: list-tests list-threaded list-fuzz
list-tests:
	@printf '%s\n' $(check_PROGRAMS)
list-fuzz:
	@printf '%s\n' $(fuzz_targets)
