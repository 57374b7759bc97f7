EXTRA_DIST += tests/tap.h tests/pg.h tests/pg.sh tests/run tests/packages.txt \
	tests/tsan.supp tests/layers tests/doc.sh tests/man.sh tests/fuzz/run tests/e2e

check_SCRIPTS += tests/layers tests/doc.sh tests/man.sh
TESTS = $(check_PROGRAMS) $(check_SCRIPTS)

# For ./check: names of what can be run.
.PHONY: list-tests list-threaded list-plain list-fuzz
list-tests:
	@printf '%s\n' $(check_PROGRAMS)
list-fuzz:
	@printf '%s\n' $(fuzz_targets)
# what has threads of its own: run under ThreadSanitizer
list-threaded:
	@printf '%s\n' $(check_PROGRAMS) | grep -Ex 'test_(loop|buckets|sql.*|httpd|httpc.*|dns|jobs.*|keeper|ca_.*|nonce.*|keycache.*|http01.*|validate_job|owner|reject.*|serve.*|eab|limits|admin.*|ctl_live)'
# what behaves otherwise under a sanitizer: run without, too
list-plain:
	@printf '%s\n' $(check_PROGRAMS) | grep '^test_keeper'

# Good devices and attackers together, for as long as you like; not a part of check.
MINUTES = 30
.PHONY: soak
soak: all
	ACMEGATE_BUILD=$(abs_top_builddir) $(top_srcdir)/tests/e2e/soak.py $(MINUTES)
