/* fuzz_hello.c - extensions of a ClientHello: server_name and the protocols offered. */
#include <stdlib.h>

#include "httpd/hello.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char name[HELLO_NAME_TEXT] = "untouched";
	bool good = hello_name_parse(span_of(data, size), name);

	if (good ? strlen(name) + 5 != size || name[strcspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ \n/:")] != '\0' : strcmp(name, "untouched") != 0)
		abort();
	if (hello_protocol_is(span_of(data, size), "acme-tls/1") && size != 13)
		abort();
	return 0;
}
