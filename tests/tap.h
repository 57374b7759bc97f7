/* tap.h - the Test Anything Protocol for unit tests, a process each; runs under prove. */
#ifndef TESTS_TAP_H
#define TESTS_TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* one count, of however many files a program has */
__attribute__((weak)) int tap_run, tap_bad;

/* One test: `good` is the verdict, the text says what is true when it passed. */
#define ok(good, ...) tap_ok((good), __FILE__, __LINE__, __VA_ARGS__)
#define is_str(got, want, ...)                                                                     \
	do {                                                                                       \
		const char *g_ = (got), *w_ = (want);                                              \
		bool same_ = g_ && strcmp(g_, w_) == 0;                                            \
		ok(same_, __VA_ARGS__);                                                            \
		if (!same_)                                                                        \
			printf("#   got: %s\n#  want: %s\n", g_ ? g_ : "(null)", w_);              \
	} while (0)
#define is_int(got, want, ...)                                                                     \
	do {                                                                                       \
		long long g_ = (long long)(got), w_ = (long long)(want);                           \
		ok(g_ == w_, __VA_ARGS__);                                                         \
		if (g_ != w_)                                                                      \
			printf("#   got: %lld\n#  want: %lld\n", g_, w_);                          \
	} while (0)

__attribute__((format(printf, 4, 5))) static inline bool
tap_ok(bool good, const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %d - ", good ? "" : "not ", ++tap_run);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	if (!good) {
		tap_bad++;
		printf("#   at %s:%d\n", file, line);
	}
	fflush(stdout);
	return good;
}

/* Last line of main: `return done_testing();` */
static inline int
done_testing(void)
{
	printf("1..%d\n", tap_run);
	return tap_bad != 0;
}
#endif
