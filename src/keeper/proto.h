/* proto.h - what goes over the keeper's sockets: one request, one reply, both a frame. Pure; any thread.
 *
 * A frame is a 32-bit length and that many octets, integers in network order:
 *   request  id:32 op:8 kind:8 purpose:8 field...      kind is an enum key_type or enum jwa, as the operation wants
 *   reply    id:32 0:8 field...                        or, if refused, id:32 1:8 problem:8 retry_after:32 detail cause
 * A field is a 32-bit length and its octets. Which operation has how many fields, and how large, is one table (proto.c). */
#ifndef KEEPER_PROTO_H
#define KEEPER_PROTO_H

#include "keeper/keeper.h"

enum keeper_op {
	OP_MAKE,          /* type, purpose, scope -> sealed, public */
	OP_SEAL,          /* purpose, scope, secret -> sealed */
	OP_SEALED_SECRET, /* purpose, scope, name -> sealed */
	OP_SIGN_JWS,      /* sealed, input -> signature */
	OP_MAC,           /* alg, sealed, data -> MAC */
	OP_MAC_VERIFY,    /* alg, sealed, data, MAC -> one octet: 1 good, 0 not */
	OP_SIGN_CERT,     /* sealed, CA certificate, template -> certificate */
	OP_SIGN_CRL,      /* sealed, CA certificate, template -> CRL */
	OP_SIGN_CHECKPOINT, /* sealed, text -> signature */
	OP__COUNT
};

#define PROTO_HEAD 4                         /* octets of a frame's length */
#define PROTO_FRAME_MAX (4u * 1024 * 1024)   /* octets behind it: a CRL of some 100 000 entries */
#define PROTO_REQUEST_FIELDS 3
#define PROTO_REPLY_FIELDS 2
#define PROTO_SCOPE_MAX 512
#define PROTO_SECRET_MAX 1024
#define PROTO_SEALED_MAX 8192
#define PROTO_MAC_MAX 128

/* Fields borrow from the octets read. Those an operation does not have are SPAN_NONE. */
struct proto_request {
	uint32_t id;
	enum keeper_op op;
	unsigned kind;
	enum key_purpose purpose;
	struct span field[PROTO_REQUEST_FIELDS];
};

struct proto_reply {
	uint32_t id;
	bool good;
	struct span field[PROTO_REPLY_FIELDS]; /* if good */
	struct problem problem;                /* if not */
};

const char *proto_op_name(enum keeper_op op);
/* Length of the frame behind these four octets; 0 if it is not a possible one. */
uint32_t proto_length(const unsigned char head[PROTO_HEAD]);

/* With head, onto the end of out. Room is made once, so that a secret is not left behind by a growing buffer. False
 * if a field is larger than the operation allows (PROBLEM_TOO_LARGE). */
bool proto_request_write(struct buf *out, const struct proto_request *rq, struct problem *pr) __attribute__((warn_unused_result));
/* A frame without its head. PROBLEM_MALFORMED: unknown operation, kind or purpose, field too large, one missing or too many. */
bool proto_request_read(struct span frame, struct proto_request *ret, struct problem *pr) __attribute__((warn_unused_result));

/* With head; buf_ok(out) tells whether it fitted. */
void proto_reply_write(struct buf *out, const struct proto_reply *reply);
bool proto_reply_read(struct span frame, struct proto_reply *ret) __attribute__((warn_unused_result));
#endif
