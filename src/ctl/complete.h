/* complete.h - what the completions of the shells share. */
#ifndef CTL_COMPLETE_H
#define CTL_COMPLETE_H

#include "ctl/ctl.h"

/* "-c", "--config", ... of all options that take an argument, each once, with `sep` between. */
void complete_with_argument(struct buf *out, const char *sep);
/* Does its argument name a file or folder? */
bool complete_is_path(const struct ctl_option *o);
/* Is the i-th command the first of its noun? */
bool complete_begins_noun(size_t i);
/* Text within single quotes, as the shells want it: what a quote in it becomes is theirs. */
void complete_quoted(struct buf *out, const char *text, const char *quote);
#endif
