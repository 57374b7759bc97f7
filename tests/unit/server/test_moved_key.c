/* The cache of account keys against keys that change behind its back: by another gateway that shares the store, or by a request
 * that had read the old key before the change and cached it after. */
#include "lab.h"

#include <openssl/evp.h>

#include "tap.h"

static struct lab lab;

static const char conf[] = LAB_NO_RATES
	"default_profile = \"default\"; profiles = ( { name = \"default\"; upstream = \"own\"; } );";

static int
status_of(const char *by, const char *payload)
{
	AUTO_BUF reply = BUF_MAX(1 << 20);

	lab_post(&lab, by, "$ACCOUNT", payload, &reply);
	return reply_status(&reply);
}

/* What another gateway's keyChange leaves in the store. */
static void
move_key(const char *to)
{
	AUTO_BUF text = BUF_MAX(8192), template = BUF_MAX(8192);

	buf_addf(&template, "update account set thumbprint='$KEY_%s', jwk='$JWK_%s' where ref='$REF'", to, to);
	lab_expand(buf_cstr(&template), &text);
	lab_sql(&lab, buf_cstr(&text));
}

int
main(void)
{
	EVP_PKEY *old;
	char thumbprint[THUMBPRINT_TEXT];

	lab_start(&lab, conf, NULL);
	lab_actor("A", KEY_P256, "ES256");
	lab_actor("next", KEY_P256, "ES256");
	lab_actor("other", KEY_P256, "ES256");
	lab_register(&lab, "A");
	lab_set("ACCOUNT", lab_path(lab_var("KID_A")));
	lab_set("REF", lab_var("ACCOUNT") + strlen("/acct/"));
	lab_set("KID_next", lab_var("KID_A"));
	lab_set("KID_other", lab_var("KID_A"));
	is_int(status_of("A", NULL), 200, "the account's key is cached");
	old = keycache_get(lab.server.keys, lab_var("REF"), thumbprint);
	ok(old != NULL, "indeed");

	move_key("next");
	is_int(status_of("next", NULL), 200, "a key that another gateway put in its place signs at once");
	is_int(status_of("A", NULL), 400, "the old one no more");
	is_int(status_of("other", NULL), 400, "nor does any other");

	/* the old key is put into the cache after the change: a request that was slow */
	keycache_put(lab.server.keys, lab_var("REF"), thumbprint, old);
	is_int(status_of("next", "{\"contact\":[]}"), 200, "a late entry of the old key does not lock out the new one");
	keycache_put(lab.server.keys, lab_var("REF"), thumbprint, old);
	is_int(status_of("A", "{\"contact\":[]}"), 400, "nor let in the old one");
	is_int(status_of("next", NULL), 200, "and is gone then");
	EVP_PKEY_free(old);
	lab_stop(&lab);
	return done_testing();
}
