/* issuers.h - certificates of issuers, parsed once: those of one CA come with each certificate it issues, and OpenSSL 3.0
 * takes 100 us and more to read a key. For lib/pki itself. Any thread. */
#ifndef PKI_ISSUERS_H
#define PKI_ISSUERS_H

#include "pki/cert.h"

/* As cert_parse; the certificate may be one that others have as well. cert_free as ever. */
bool issuer_parse(struct span der, struct cert **ret, struct problem *pr) MUST_CHECK;
/* As signer_parse, likewise, for what devices send: others are kept, so that none of theirs drives out a CA's. */
bool link_parse(struct span der, struct cert **ret, struct problem *pr) MUST_CHECK;
#endif
