/* device_question.h - what a hook is asked about a device that has proven itself: JSON, see acmegate.conf(5). In a transaction. */
#ifndef VALIDATE_DEVICE_QUESTION_H
#define VALIDATE_DEVICE_QUESTION_H

#include "base/buf.h"
#include "store/authz.h"

#define DEVICE_QUESTION_MAX (256 * 1024)
/* Of this authorization, as it is on record. */
bool device_question_write(struct sql *db, const struct authz *a, struct buf *ret, struct problem *pr) MUST_CHECK;
#endif
