/* metrics.h - all that the gateway counts, as one text. Inside the admin room. */
#ifndef ADMIN_METRICS_H
#define ADMIN_METRICS_H

#include "admin/admin.h"
#include "admin/expo.h"

/* Write the exposition in the form that `accept` asks for. With `fresh` what stands in the store is read again if it is older than a
 * few seconds (on a worker); without, nothing waits. What could not be read is left out. Returns the Content-Type. */
const char *metrics_write(struct admin *admin, struct span accept, bool fresh, struct buf *out);
/* The part about CAs (metrics_cas.c). Waits for nothing. */
void metrics_write_cas(struct expo *x, struct upstreams *ups);
/* The part about rules (policy.c). Waits for nothing. */
void metrics_write_policy(struct expo *x, const struct gate_conf *conf);
#endif
