/* fuzz_keeper.c - a frame as the keeper gets it: what is taken must come out the same when written
 * again. */
#include <stdlib.h>

#include "keeper/proto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span in = span_of(data, size);
	struct proto_request rq;
	struct proto_reply reply;
	struct problem pr = { 0 };

	if (proto_request_read(in, &rq, &pr)) {
		AUTO_BUF out = BUF_MAX(PROTO_FRAME_MAX + PROTO_HEAD);

		if (!proto_request_write(&out, &rq, &pr) ||
			!span_eq(span_from(buf_span(&out), PROTO_HEAD), in))
			abort();
	}
	if (proto_reply_read(in, &reply)) {
		AUTO_BUF out = BUF_MAX(PROTO_FRAME_MAX + PROTO_HEAD);

		proto_reply_write(&out, &reply);
		if (!buf_ok(&out))
			abort();
	}
	return 0;
}
