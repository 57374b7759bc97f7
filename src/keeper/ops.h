/* ops.h - the keeper's operations: a request in, a reply out. One thread, inside the child. */
#ifndef KEEPER_OPS_H
#define KEEPER_OPS_H

#include "keeper/proto.h"
#include "keeper/vault.h"

/* Always writes a reply (with head) to out; a refusal is one too. */
void ops_answer(struct vault *v, const struct proto_request *rq, struct buf *out);
#endif
