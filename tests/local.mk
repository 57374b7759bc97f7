EXTRA_DIST += tests/tap.h tests/pg.h tests/pg.sh tests/run tests/packages.txt \
	tests/layers tests/doc.sh tests/man.sh tests/fuzz/run tests/e2e

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
	@printf '%s\n' $(filter test_loop test_buckets test_sql% test_httpd test_httpc% test_dns test_jobs% test_keeper \
		test_ca_% test_nonce% test_keycache% test_http01% test_owner test_reject% test_serve% test_admin test_ctl_live,$(check_PROGRAMS))
# what behaves otherwise under a sanitizer: run without, too
list-plain:
	@printf '%s\n' $(filter test_keeper%,$(check_PROGRAMS))
