/* authority.h - records asked of the name servers of the zone itself. Within the room. */
#ifndef DNS_AUTHORITY_H
#define DNS_AUTHORITY_H

#include "dns/dns.h"

/* As dns_records with ask->authority. Any thread. */
void authority_start(struct dns *dns, const struct dns_ask *ask, enum dns_type type, dns_records_fn fn, void *arg);
#endif
