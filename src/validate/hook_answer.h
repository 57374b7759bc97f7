/* hook_answer.h - what a hook answered: {"allow": true}, or {"allow": false, "say": "..."}. Pure. */
#ifndef VALIDATE_HOOK_ANSWER_H
#define VALIDATE_HOOK_ANSWER_H

#include "base/problem.h"

#define HOOK_ANSWER_MAX (16 * 1024) /* octets */

struct hook_answer {
	bool allow;
	char say[401]; /* for the device's owner; "" = nothing */
};
/* False: it is none. Other members are passed over; `say` is UTF-8 without control characters. */
bool hook_answer_parse(struct span text, struct hook_answer *ret, struct problem *pr) __attribute__((warn_unused_result));
#endif
