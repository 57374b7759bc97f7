/* metrics.h - all that the gateway counts, as one text. Inside the admin room. */
#ifndef ADMIN_METRICS_H
#define ADMIN_METRICS_H

#include "admin/admin.h"

/* Write the exposition in the form that `accept` asks for. With `fresh` what stands in the store is read again if it is older than a
 * few seconds (on a worker); without, nothing waits. What could not be read is left out. Returns the Content-Type. */
const char *metrics_write(struct admin *admin, struct span accept, bool fresh, struct buf *out);
#endif
