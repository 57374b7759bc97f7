/* eab_formats.h - how a key for external account binding is handed out: text for a client's command line or configuration. Pure. */
#ifndef CTL_EAB_FORMATS_H
#define CTL_EAB_FORMATS_H

#include "base/buf.h"

#define EAB_FORMATS "certbot lego acme.sh uacme cert-manager caddy traefik"

/* Is it one of these? */
bool eab_format_is_known(const char *name);
/* As that client takes it. `out` has room: what grows leaves copies of the key. */
void eab_format_write(struct buf *out, const char *name, const char *url, struct span kid, struct span key);
#endif
