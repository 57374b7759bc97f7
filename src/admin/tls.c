/* tls.c - GET /tls: the certificate that the ACME face shows, where it comes from, and what becomes of it. */
#include "admin/call.h"
#include "pki/cert.h"

#define DER_MAX (64 * 1024)

static bool
write_served(struct jw *w, struct span der, struct problem *pr)
{
	struct cert *cert = NULL;

	if (der.n == 0)
		return true;
	if (!cert_parse(der, &cert, pr))
		return false;
	jw_object(w, "certificate");
	jw_str(w, "subject", cert->subject);
	write_idents(w, &cert->names);
	jw_str(w, "issuer", cert->issuer);
	jw_str(w, "serial", cert->serial);
	jw_str(w, "sha256", cert->sha256);
	jw_time(w, "not_before", cert->not_before_unix_s);
	jw_time(w, "not_after", cert->not_after_unix_s);
	jw_end(w);
	cert_free(cert);
	return true;
}

static bool
write_all(struct jw *w, const struct admin_tls *tls, struct problem *pr)
{
	jw_object(w, NULL);
	jw_str(w, "source", tls->source);
	write_text(w, "upstream", tls->upstream);
	jw_bool(w, "file_differs", tls->file_differs);
	if (!write_served(w, buf_span(&tls->der), pr))
		return false;
	jw_object(w, "renewal");
	jw_str(w, "state", tls->renewal);
	write_time(w, "due", tls->due);
	write_text(w, "order", tls->order);
	if (tls->error.n)
		jw_raw(w, "error", buf_span(&tls->error));
	jw_end(w);
	jw_end(w);
	return true;
}

bool
call_tls(struct call *c)
{
	struct admin_tls tls = { .der = BUF_MAX(DER_MAX), .error = BUF_MAX(DER_MAX) };
	bool good = c->admin->tls(c->admin->arg, &tls, &c->pr) && write_all(&c->w, &tls, &c->pr);

	buf_done(&tls.der);
	buf_done(&tls.error);
	return good;
}
