/* circuit.c - see circuit.h. */
#include "upstream/circuit.h"

#include "base/rand.h"

bool
circuit_is_open(const struct circuit *c)
{
	return c->failures >= CIRCUIT_FAILURES;
}

bool
circuit_enter(struct circuit *c, msec_t now_ms, bool *ret_probe, msec_t *ret_wait_ms)
{
	*ret_probe = false;
	if (!circuit_is_open(c))
		return true;
	if (now_ms < c->open_until_ms) {
		*ret_wait_ms = c->open_until_ms - now_ms;
		return false;
	}
	if (c->probing) {
		*ret_wait_ms = CIRCUIT_PAUSE_MIN_MS;
		return false;
	}
	c->probing = *ret_probe = true;
	return true;
}

void
circuit_succeeded(struct circuit *c)
{
	*c = (struct circuit){ 0 };
}

void
circuit_failed(struct circuit *c, msec_t now_ms)
{
	msec_t pause_ms = CIRCUIT_PAUSE_MIN_MS;

	if (c->failures++ == 0)
		c->since_ms = now_ms;
	/* requests that were under way when it opened tell nothing new */
	if (!circuit_is_open(c) || (now_ms < c->open_until_ms && !c->probing))
		return;
	for (unsigned i = 0; i < c->opened && pause_ms < CIRCUIT_PAUSE_MAX_MS; i++)
		pause_ms *= 2;
	if (pause_ms > CIRCUIT_PAUSE_MAX_MS)
		pause_ms = CIRCUIT_PAUSE_MAX_MS;
	/* 80 to 100 %: several gateways must not come back in step, and the cap stays a cap */
	pause_ms -= rand_below((uint32_t)(pause_ms / 5));
	c->opened++;
	c->open_until_ms = now_ms + pause_ms;
	c->probing = false;
}

void
circuit_give_up(struct circuit *c)
{
	c->probing = false;
}
