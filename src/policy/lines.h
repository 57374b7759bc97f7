/* lines.h - the lines of a file with one thing in each: blanks around it, empty lines and comments (# to the end, at the beginning or after
 * a blank) do not count. Pure. */
#ifndef POLICY_LINES_H
#define POLICY_LINES_H

#include "base/span.h"

struct lines {
	struct span rest;
	unsigned number; /* of the line that lines_next gave, from 1 */
};
/* From its beginning; borrowed. */
struct lines lines_of(struct span text);
/* False: there is no more. */
bool lines_next(struct lines *lines, struct span *ret);
#endif
