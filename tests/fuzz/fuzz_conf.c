/* The whole text of a configuration through the loader and the gateway's checks. */
#include "gate/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
const char *__lsan_default_suppressions(void);

/* libconfig 1.5 forgets the string it is in when the syntax is wrong. */
const char *
__lsan_default_suppressions(void)
{
	return "leak:libconfig.so";
}

/* The same text as a rate card. */
static void
card(struct span text)
{
	struct conf_errors errors = CONF_ERRORS;
	struct rate_card *prices = NULL;

	if (conf_rates_read("fuzz", text, &prices, &errors) != (errors.count == 0))
		__builtin_trap();
	conf_rates_free(prices);
	conf_errors_done(&errors);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf_errors errors = CONF_ERRORS;
	AUTO_BUF json = BUF_MAX(16 << 20);
	struct gate_conf *conf =
		gate_conf_load_text("fuzz", span_of(size ? (const void *)data : "", size), &errors);

	/* a configuration or a fault, never both or none */
	if (!conf == !errors.count)
		__builtin_trap();
	if (conf && (!conf_write_json(gate_conf_keys, conf, &json) ||
			    !gate_conf_may_reload(conf, conf, &errors)))
		__builtin_trap();
	gate_conf_unref(conf);
	conf_errors_done(&errors);
	card(span_of(size ? (const void *)data : "", size));
	return 0;
}
