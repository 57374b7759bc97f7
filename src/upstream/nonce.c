/* nonce.c - see nonce.h. */
#include "upstream/nonce.h"

#include "base/b64url.h"

bool
nonce_ok(struct span nonce)
{
	return nonce.n > 0 && nonce.n < NONCE_TEXT && b64url_is_alphabet(nonce);
}

void
nonces_put(struct nonces *n, struct span nonce, msec_t now_ms)
{
	unsigned at;

	if (!nonce_ok(nonce))
		return;
	if (n->count == NONCES_MAX) {
		n->first = (n->first + 1) % NONCES_MAX;
		n->count--;
	}
	at = (n->first + n->count++) % NONCES_MAX;
	span_copy(nonce, n->list[at].text, sizeof(n->list[at].text));
	n->list[at].born_ms = now_ms;
}

bool
nonces_take(struct nonces *n, msec_t now_ms, char ret[NONCE_TEXT])
{
	unsigned at;

	if (n->count == 0)
		return false;
	at = (n->first + n->count - 1) % NONCES_MAX;
	if (now_ms - n->list[at].born_ms > NONCE_LIFE_MS) {
		n->count = 0; /* the newest is too old: so are all */
		return false;
	}
	memcpy(ret, n->list[at].text, NONCE_TEXT);
	n->count--;
	return true;
}
