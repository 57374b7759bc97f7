/* upstream.h - what the files of acmegatectl upstream share. */
#ifndef CTL_UPSTREAM_H
#define CTL_UPSTREAM_H

#include "ctl/ctl.h"
#include "json/jw.h"

/* "/upstreams/NAME" and `what`; on the heap. */
char *upstream_path(const char *name, const char *what);
/* An entry as GET /upstreams/NAME has it, for people. */
void upstream_print(struct ctl *ctl, const struct json_node *u);
/* What would be lost by another account, a line each. */
void upstream_print_stake(struct ctl *ctl, const struct json_node *root);
#endif
