/* focus.h - the bill as CSV of FOCUS 1.4 (FinOps Open Cost and Usage Specification). Pure. */
#ifndef CTL_FOCUS_H
#define CTL_FOCUS_H

#include "base/clock.h"
#include "json/json.h"

void focus_header(struct buf *out); /* the line that names the columns */
/* A row of GET /billing as a line. */
void focus_row(const struct json_node *row, struct buf *out);
#endif
