/* issue_value.h - "issuer.example; tag=value; tag=value": the value of a CAA issue property (RFC 8659 4.2), and the text of a record of
 * dns-persist-01. Pure; any thread. */
#ifndef VALIDATE_ISSUE_VALUE_H
#define VALIDATE_ISSUE_VALUE_H

#include "base/span.h"

struct issue_value {
	struct span name; /* letters, digits, hyphens, dots; perhaps none, perhaps no domain name */
	struct span rest; /* parameters that were not read yet */
};

/* Up to the first semicolon; false if what is before it is no name. What is read borrows from the text. */
bool issue_value_parse(struct span text, struct issue_value *ret) __attribute__((warn_unused_result));

enum issue_next { ISSUE_PARAMETER, ISSUE_END, ISSUE_MALFORMED };
/* The next parameter; the value may be empty. */
enum issue_next issue_value_next(struct issue_value *v, struct span *ret_tag, struct span *ret_value);
#endif
