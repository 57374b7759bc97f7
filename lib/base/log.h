/* log.h - one event a line on stderr, logfmt or JSON. Any thread.
 *
 *   log_info("order_state", LS("order", ref), LS("from", "pending"), LI("attempt", 2));
 *
 * error = we are at fault or cannot serve; warning = someone must look; notice = state of the service;
 * info = a line per request and state change; debug = the rest. Values are escaped here. Never a key, token or MAC. */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/problem.h"
#include "base/span.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG };
enum log_form { LOG_LOGFMT, LOG_JSON };

struct log_field {
	const char *name;
	struct span text; /* used when is_text */
	int64_t number;
	bool is_text;
};

#define LS(field, cstr) ((struct log_field){ (field), span_str(cstr), 0, true })
#define LSP(field, sp) ((struct log_field){ (field), (sp), 0, true })
#define LI(field, v) ((struct log_field){ (field), SPAN_NONE, (int64_t)(v), false })
/* the three fields of a problem */
#define LPR(pr)                                                                                    \
	LS("problem", problem_type((pr)->kind)), LS("detail", (pr)->detail), LS("cause", (pr)->cause)

#define log_at(level, event, ...)                                                                  \
	do {                                                                                       \
		if (log_wants(level)) {                                                            \
			const struct log_field fields_[] = { __VA_ARGS__ };                        \
			log_write(level, event, fields_, sizeof(fields_) / sizeof(fields_[0]));    \
		}                                                                                  \
	} while (0)
#define log_error(event, ...) log_at(LOG_ERROR, event, __VA_ARGS__)
#define log_warning(event, ...) log_at(LOG_WARNING, event, __VA_ARGS__)
#define log_notice(event, ...) log_at(LOG_NOTICE, event, __VA_ARGS__)
#define log_info(event, ...) log_at(LOG_INFO, event, __VA_ARGS__)
#define log_debug(event, ...) log_at(LOG_DEBUG, event, __VA_ARGS__)

/* Before threads; level may be changed later (log_set_level). Detects the journal by $JOURNAL_STREAM. */
void log_init(enum log_level level, enum log_form form);
void log_set_level(enum log_level level);
bool log_level_parse(struct span name, enum log_level *ret);
bool log_wants(enum log_level level);
void log_write(enum log_level level, const char *event, const struct log_field *fields, size_t count);
#endif
