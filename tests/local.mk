EXTRA_DIST += tests/tap.h
TESTS = $(check_PROGRAMS) $(check_SCRIPTS)
