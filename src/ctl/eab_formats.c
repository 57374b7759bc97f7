/* eab_formats.c - a key for external account binding as each client's configuration takes it; see eab_formats.h. kid and key are letters,
 * digits, - and _ alone, and no client needs them quoted. */
#include "ctl/eab_formats.h"

#include <stdio.h>

static void
certbot(struct buf *out, const char *url, struct span kid, struct span key)
{
	buf_addf(out, "certbot register --server %s \\\n  --eab-kid %.*s \\\n  --eab-hmac-key %.*s\n", url, SPAN_FMT(kid), SPAN_FMT(key));
}

static void
lego(struct buf *out, const char *url, struct span kid, struct span key)
{
	buf_addf(out, "lego --server %s --eab \\\n  --kid %.*s \\\n  --hmac %.*s \\\n  --email YOU --accept-tos --domains NAME --http run\n", url, SPAN_FMT(kid),
		SPAN_FMT(key));
}

static void
acme_sh(struct buf *out, const char *url, struct span kid, struct span key)
{
	buf_addf(out, "acme.sh --register-account --server %s \\\n  --eab-kid %.*s \\\n  --eab-hmac-key %.*s\n", url, SPAN_FMT(kid), SPAN_FMT(key));
}

static void
uacme(struct buf *out, const char *url, struct span kid, struct span key)
{
	buf_addf(out, "uacme -a %s \\\n  -e %.*s:%.*s new\n", url, SPAN_FMT(kid), SPAN_FMT(key));
}

static void
cert_manager(struct buf *out, const char *url, struct span kid, struct span key)
{
	buf_addf(out, "apiVersion: v1\nkind: Secret\nmetadata:\n  name: acmegate-eab\n  namespace: cert-manager\nstringData:\n  secret: \"%.*s\"\n", SPAN_FMT(key));
	buf_addf(out, "---\napiVersion: cert-manager.io/v1\nkind: ClusterIssuer\nmetadata:\n  name: acmegate\nspec:\n  acme:\n    server: \"%s\"\n", url);
	buf_addf(out, "    externalAccountBinding:\n      keyID: \"%.*s\"\n      keySecretRef:\n        name: acmegate-eab\n        key: secret\n", SPAN_FMT(kid));
	buf_adds(out, "    privateKeySecretRef:\n      name: acmegate-account\n    solvers:\n      - http01:\n          ingress: {}\n");
}

static void
caddy(struct buf *out, const char *url, struct span kid, struct span key)
{
	buf_addf(out, "{\n\tacme_ca %s\n\tacme_eab {\n\t\tkey_id %.*s\n\t\tmac_key %.*s\n\t}\n}\n", url, SPAN_FMT(kid), SPAN_FMT(key));
}

static void
traefik(struct buf *out, const char *url, struct span kid, struct span key)
{
	buf_addf(out, "certificatesResolvers:\n  acmegate:\n    acme:\n      caServer: \"%s\"\n      storage: acme.json\n", url);
	buf_addf(out, "      eab:\n        kid: \"%.*s\"\n        hmacEncoded: \"%.*s\"\n      httpChallenge:\n        entryPoint: web\n", SPAN_FMT(kid), SPAN_FMT(key));
}

static const struct { const char *name; void (*write)(struct buf *out, const char *url, struct span kid, struct span key); } formats[] = {
	{ "certbot", certbot }, { "lego", lego }, { "acme.sh", acme_sh }, { "uacme", uacme }, { "cert-manager", cert_manager }, { "caddy", caddy },
	{ "traefik", traefik },
};

bool
eab_format_is_known(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(formats); i++) {
		if (strcmp(formats[i].name, name) == 0)
			return true;
	}
	return false;
}

void
eab_format_write(struct buf *out, const char *name, const char *url, struct span kid, struct span key)
{
	for (size_t i = 0; i < COUNT_OF(formats); i++) {
		if (strcmp(formats[i].name, name) == 0)
			formats[i].write(out, url, kid, key);
	}
}
