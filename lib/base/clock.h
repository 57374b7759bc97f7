/* clock.h - the one clock (tests may turn it) and the text forms of time.
 *
 * msec_t is monotonic, for waiting; *_unix_s is for anything stored or sent. Any thread. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

typedef int64_t msec_t;

msec_t clock_ms(void);         /* monotonic milliseconds */
int64_t clock_us(void);        /* monotonic microseconds, for measuring */
int64_t clock_unix_s(void);
int64_t clock_unix_ms(void);
/* Shift both clocks by this much from now on (tests and simulation only). */
void clock_turn(int64_t by_s);

#define TIME_TEXT 21 /* "2026-11-24T16:20:00Z" and NUL */
/* RFC 3339, UTC, whole seconds (RFC 8555 7.1.3). Returns dst. */
const char *time_rfc3339(int64_t unix_s, char dst[TIME_TEXT]);
/* RFC 3339 with any offset and fraction (dropped); false if malformed or before 1970 or after 9999. */
bool time_rfc3339_parse(struct span s, int64_t *ret_unix_s);
/* HTTP-date in its three forms (RFC 9110 5.6.7). */
bool time_http_parse(struct span s, int64_t *ret_unix_s);
/* Retry-After: delay-seconds or HTTP-date relative to now; false if absent or invalid. A past date is 0. */
bool time_retry_after(struct span s, int64_t now_unix_s, int64_t *ret_delay_s);
#endif
