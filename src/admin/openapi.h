/* openapi.h - the admin API as an OpenAPI 3.1 document, made from the table of resources. */
#ifndef ADMIN_OPENAPI_H
#define ADMIN_OPENAPI_H

#include "base/buf.h"

/* Any thread. Indented JSON, appended to `out`; false if it does not fit. */
bool openapi_write(struct buf *out) __attribute__((warn_unused_result));
#endif
