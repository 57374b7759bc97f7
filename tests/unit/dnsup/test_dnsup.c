/* UPDATE messages and their signatures: the vector that two servers accepted, names, every way a reply can be wrong. */
#include <stdlib.h>

#include "answer.h"
#include "tap.h"

#define TIME 1790000000
#define ID 0x1234

static const char message_hex[] =
	"1234280000010000000100000461636d65076578616d706c6500000600010f5f61636d652d6368616c6c656e67650377777704"
	"61636d65076578616d706c6500001000010000003c002c2b4c504a4e756c2d776f77346d3644737178626e696e687357486c77"
	"6670304a656377517a59704f4c6d4351";
static const char variables_hex[] = "0667772d6b65790000ff000000000b686d61632d7368613235360000006ab13b80012c00000000";
static const char mac_hex[] = "0ffeb2327a9daf3835d5a3f08d7696b0640c28b73663ce1af9d32fbb34cd5c88";
static const char tail_hex[] = "0667772d6b65790000fa00ff00000000003d0b686d61632d7368613235360000006ab13b80012c0020";
static const struct update_record vector_record = { false, "_acme-challenge.www.acme.example.",
	"LPJNul-wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ" };

static const char *
hex(struct span s)
{
	static char text[2][70000];
	static int turn;
	char *p = text[turn ^= 1];

	for (size_t i = 0; i < s.n; i++)
		sprintf(p + 2 * i, "%02x", (unsigned char)s.p[i]);
	p[2 * s.n] = '\0';
	return p;
}

static struct span
secret(void)
{
	static unsigned char octets[32];

	for (unsigned i = 0; i < sizeof(octets); i++)
		octets[i] = (unsigned char)i;
	return span_of(octets, sizeof(octets));
}

static struct tsig
key_of(const char *name, enum tsig_alg alg)
{
	struct tsig tsig = { .alg = alg, .time_unix_s = TIME };

	if (!wire_name_parse(span_str(name), &tsig.key))
		abort();
	return tsig;
}

/* The whole of it is an update of ours. */
static bool
is_ours(struct span message)
{
	return message.n > 0 && update_txt_octets(message) == message.n;
}

static void
vector(void)
{
	AUTO_BUF message = BUF_MAX(DNS_MESSAGE_MAX), input = BUF_MAX(2 * DNS_MESSAGE_MAX);
	AUTO_FREE char *want = NULL, *whole = NULL;
	struct tsig tsig = key_of("GW-Key.", TSIG_SHA256);
	struct problem pr = { 0 };
	unsigned char mac[EVP_MAX_MD_SIZE];
	size_t n;

	ok(update_write(&message, ID, "acme.example.", &vector_record, 1, &pr), "an update is written");
	is_str(hex(buf_span(&message)), message_hex, "in these octets");
	ok(is_ours(buf_span(&message)), "and is known as one that is ours");
	want = xasprintf("%s%s", message_hex, variables_hex);
	ok(tsig_request_input(&input, buf_span(&message), &tsig), "what its MAC is over");
	is_str(hex(buf_span(&input)), want, "is the message and the TSIG variables, the key's name in lower case");
	n = answer_mac(TSIG_SHA256, secret(), buf_span(&input), mac);
	is_str(hex(span_of(mac, n)), mac_hex, "the MAC is the vector's");
	ok(tsig_append(&message, &tsig, span_of(mac, n)) && message.n == 197, "the signed message has 197 octets");
	whole = xasprintf("%.20s0001%s%s%s123400000000", message_hex, message_hex + 24, tail_hex, mac_hex);
	is_str(hex(buf_span(&message)), whole, "and is the vector's");
}

static void
records(void)
{
	AUTO_BUF message = BUF_MAX(DNS_MESSAGE_MAX);
	struct problem pr = { 0 };
	struct update_record many[UPDATE_RECORDS_MAX], both[] = { { false, "a.x.test", "one" }, { true, "a.x.test", "two" } };
	char owner[256];

	ok(update_write(&message, 1, "x.test", both, 2, &pr) && is_ours(buf_span(&message)), "one added and one deleted");
	is_str(hex(span_from(buf_span(&message), 24)), "0161017804746573740000100001""0000003c0004036f6e65"
		"0161017804746573740000" "1000fe00000000" "00040374776f", "class IN and the TTL, class NONE and none");
	/* three labels of 63 octets and one of 61: the longest name there is */
	memset(owner, 'a', 253);
	owner[63] = owner[127] = owner[191] = '.';
	owner[253] = '\0';
	for (size_t i = 0; i < COUNT_OF(many); i++)
		many[i] = (struct update_record){ false, owner, vector_record.value };
	buf_clear(&message);
	ok(update_write(&message, 1, owner, many, COUNT_OF(many), &pr) && message.n < DNS_MESSAGE_MAX - 700,
		"200 records of the longest name leave room for a signature (%zu octets)", message.n);
	buf_clear(&message);
	ok(!update_write(&message, 1, "x..test", both, 2, &pr) && pr.kind == PROBLEM_DNS, "no update of what is no zone's name");
	both[0].owner = "a b.x.test";
	buf_clear(&message);
	ok(!update_write(&message, 1, "x.test", both, 2, &pr) && pr.kind == PROBLEM_DNS, "nor of what is no record's");
	is_str(pr.detail, "\"a b.x.test\" is not a name that a record can have", "in words");
	both[0] = (struct update_record){ false, "a.x.test", owner };
	owner[253] = 'a';
	owner[254] = 'a';
	owner[255] = '\0';
	buf_clear(&message);
	ok(update_write(&message, 1, "x.test", both, 1, &pr), "a value of 255 octets is one string");
}

static void
names(void)
{
	static const struct {
		const char *text;
		bool good;
	} cases[] = { { "a.b", true }, { "a.b.", true }, { "_acme-challenge.A-1.test", true }, { "", false }, { ".", false }, { "a..b", false },
		{ "a.b..", false }, { ".a", false }, { "*.a", false }, { "a\\046b", false }, { "\303\244.test", false },
		{ "123456789012345678901234567890123456789012345678901234567890123.x", true },
		{ "1234567890123456789012345678901234567890123456789012345678901234.x", false } };
	struct wire_name name;
	char text[300];

	for (size_t i = 0; i < COUNT_OF(cases); i++)
		ok(wire_name_parse(span_str(cases[i].text), &name) == cases[i].good, "\"%s\" %s a name", cases[i].text, cases[i].good ? "is" : "is not");
	memset(text, 'a', 255);
	text[63] = text[127] = text[191] = '.';
	text[253] = '\0';
	ok(wire_name_parse(span_str(text), &name) && name.n == 255, "253 characters are a name");
	text[253] = 'a';
	text[254] = '\0';
	ok(!wire_name_parse(span_str(text), &name), "254 are not");
}

static bool
read_name(const char *octets, size_t n, size_t at, struct wire_name *ret)
{
	struct wire_reader r = { span_of(octets, n), at, false };

	wire_name(&r, ret);
	return !r.failed;
}

static void
compression(void)
{
	static const char good[] = "\1A\1b\0" "\1c\xc0\0" "\xc0\5", loop[] = "\xc0\0", forward[] = "\xc0\2\1a\0", pair[] = "\1a\xc0\4\xc0\0";
	struct wire_name name, want;

	ok(read_name(good, sizeof(good) - 1, 9, &name) && wire_name_parse(span_str("c.a.b"), &want) && wire_name_eq(&name, &want),
		"a name of two pointers is read, in lower case");
	ok(!read_name(loop, 2, 0, &name), "a pointer to itself is refused");
	ok(!read_name(forward, 5, 0, &name), "one that leads forward is");
	ok(!read_name(pair, 6, 4, &name), "and two that lead to each other");
	ok(!read_name("\100", 1, 0, &name) && !read_name("\5abc", 4, 0, &name) && !read_name("", 0, 0, &name), "and what is cut off");
}

/* ---- replies ---- */

static const struct reply_case {
	const char *name;
	struct answer_faults faults;
	enum update_outcome want;
	const char *words;
} replies[] = {
	{ "a signed NOERROR is a success", { 0 }, UPDATE_DONE, "" },
	{ "an unsigned one is not", { .no_tsig = true }, UPDATE_FAILED, "not signed" },
	{ "one with a wrong MAC is not", { .wrong_mac = true }, UPDATE_FAILED, "signature is wrong" },
	{ "nor with half of the MAC", { .short_mac = true }, UPDATE_FAILED, "signature is wrong" },
	{ "nor without a MAC", { .no_mac = true }, UPDATE_FAILED, "signature is wrong" },
	{ "nor with another key", { .wrong_key = true }, UPDATE_FAILED, "another key" },
	{ "nor of another time", { .late = true }, UPDATE_FAILED, "another time" },
	{ "nor with another number", { .other_id = true }, UPDATE_FAILED, "does not belong" },
	{ "a query is no reply", { .flags = 0x8000 }, UPDATE_FAILED, "does not belong" },
	{ "a reply to a query is none to an update", { .flags = 0x2800 }, UPDATE_FAILED, "does not belong" },
	{ "a truncated one is none", { .flags = 0x0200 }, UPDATE_FAILED, "truncated" },
	{ "REFUSED is for the record", { .rcode = 5 }, UPDATE_REFUSED, "REFUSED" },
	{ "REFUSED without a signature is for an operator", { .rcode = 5, .no_tsig = true }, UPDATE_SETUP, "REFUSED" },
	{ "NOTAUTH", { .rcode = 9 }, UPDATE_REFUSED, "NOTAUTH" },
	{ "NOTZONE", { .rcode = 10 }, UPDATE_REFUSED, "NOTZONE" },
	{ "FORMERR", { .rcode = 1 }, UPDATE_REFUSED, "FORMERR" },
	{ "NXRRSET", { .rcode = 8 }, UPDATE_REFUSED, "NXRRSET" },
	{ "SERVFAIL may pass", { .rcode = 2 }, UPDATE_FAILED, "SERVFAIL" },
	{ "an unknown code, too", { .rcode = 15 }, UPDATE_FAILED, "unknown RCODE" },
	{ "NOTIMP is for an operator", { .rcode = 4 }, UPDATE_SETUP, "NOTIMP" },
	{ "BADKEY", { .rcode = 9, .tsig_error = TSIG_BADKEY, .no_mac = true }, UPDATE_SETUP, "BADKEY" },
	{ "BADSIG", { .rcode = 9, .tsig_error = TSIG_BADSIG, .no_mac = true }, UPDATE_SETUP, "BADSIG" },
	{ "BADTIME, signed: how far", { .rcode = 9, .tsig_error = TSIG_BADTIME, .other = { "\0\0\x6a\xb1\x37\x98", 6 } }, UPDATE_SETUP,
		"1000 s ahead of the server's" },
	{ "BADTIME of a clock that is behind", { .rcode = 9, .tsig_error = TSIG_BADTIME, .other = { "\0\0\x6a\xb1\x3f\x68", 6 } }, UPDATE_SETUP,
		"1000 s behind the server's" },
	{ "BADTIME, unsigned: the time is not believed", { .rcode = 9, .tsig_error = TSIG_BADTIME, .no_mac = true,
		.other = { "\0\0\x6a\xb1\x3f\x68", 6 } }, UPDATE_SETUP, "by more than 300 s" },
	{ "another TSIG error", { .rcode = 9, .tsig_error = 22 }, UPDATE_SETUP, "error 22" },
};

static void
reply_case(const struct reply_case *c, enum tsig_alg alg)
{
	AUTO_BUF message = BUF_MAX(DNS_MESSAGE_MAX), input = BUF_MAX(2 * DNS_MESSAGE_MAX), octets = BUF_MAX(DNS_MESSAGE_MAX);
	struct tsig tsig = key_of("gw-key", alg);
	struct problem pr = { 0 };
	struct reply reply;
	unsigned char mac[EVP_MAX_MD_SIZE], again[EVP_MAX_MD_SIZE];
	enum update_outcome outcome;
	bool good = false;
	size_t n;

	if (!update_write(&message, ID, "acme.example", &vector_record, 1, &pr) || !tsig_request_input(&input, buf_span(&message), &tsig))
		abort();
	n = answer_mac(alg, secret(), buf_span(&input), mac);
	answer_write(&octets, ID, &tsig, secret(), span_of(mac, n), &c->faults);
	if (!ok(reply_parse(buf_span(&octets), &reply, &pr), "%s: %s: it can be read", tsig_alg_name(alg), c->name))
		return;
	if (reply.has_tsig) {
		buf_clear(&input);
		good = reply_mac_input(&input, &reply, span_of(mac, n));
		n = answer_mac(alg, secret(), buf_span(&input), again);
		good = good && span_eq(reply.mac, span_of(again, n));
	}
	outcome = update_judge(&reply, ID, &tsig, good, TIME + 10, &pr);
	is_int(outcome, c->want, "%s: %s", tsig_alg_name(alg), c->name);
	if (c->want != UPDATE_DONE && !ok(pr.kind == PROBLEM_DNS && strstr(pr.detail, c->words), "in the words \"%s\"", pr.detail))
		printf("# wanted: %s\n", c->words);
	/* every octet lost makes it another message, or none */
	for (size_t i = 0; i < octets.n; i++) {
		if (reply_parse(span_of(octets.p, i), &reply, &pr)) {
			ok(false, "%s: the first %zu octets of it are a reply", c->name, i);
			break;
		}
	}
}

static void
malformed(void)
{
	AUTO_BUF octets = BUF_MAX(DNS_MESSAGE_MAX);
	struct tsig tsig = key_of("gw-key", TSIG_SHA256);
	struct reply reply;
	struct problem pr = { 0 };
	static const char many[] = "\x12\x34\xa8\0\0\2\0\0\0\0\0\0", records[] = "\x12\x34\xa8\0\0\0\xff\xff\xff\xff\0\1";

	answer_write(&octets, ID, &tsig, secret(), SPAN_NONE, &(struct answer_faults){ .tsig_not_last = true });
	ok(!reply_parse(buf_span(&octets), &reply, &pr) && pr.kind == PROBLEM_DNS, "a TSIG that is not the last record is refused");
	octets.n = 0;
	answer_write(&octets, ID, &tsig, secret(), SPAN_NONE, &(struct answer_faults){ 0 });
	buf_addc(&octets, 'x');
	ok(!reply_parse(buf_span(&octets), &reply, &pr), "octets behind the end are");
	ok(!reply_parse(span_of(many, 12), &reply, &pr), "and two zones");
	ok(!reply_parse(span_of(records, 12), &reply, &pr), "and records without number");
	ok(!is_ours(buf_span(&octets)) && !is_ours(SPAN("")), "and none of that is an update of ours");
}

/* What the keeper would not sign. */
static void
not_ours(void)
{
	AUTO_BUF m = BUF_MAX(DNS_MESSAGE_MAX);
	struct problem pr = { 0 };

	if (!update_write(&m, 1, "x.test", &(struct update_record){ false, "a.x.test", "one" }, 1, &pr))
		abort();
	ok(is_ours(buf_span(&m)), "an update of a TXT record is ours");
	m.p[2] = 0;
	ok(!is_ours(buf_span(&m)), "a query is not");
	m.p[2] = 0x28;
	m.p[7] = 1;
	ok(!is_ours(buf_span(&m)), "nor one with a prerequisite");
	m.p[7] = 0;
	m.p[m.n - 14 + 1] = 1;
	ok(!is_ours(buf_span(&m)), "nor one of an address");
	m.p[m.n - 14 + 1] = 16;
	m.p[m.n - 14 + 3] = (char)255;
	ok(!is_ours(buf_span(&m)), "nor one that deletes a set");
	m.p[m.n - 14 + 3] = 1;
	ok(is_ours(buf_span(&m)) && !is_ours(span_of(m.p, m.n - 1)), "nor a part of one");
}

int
main(void)
{
	vector();
	records();
	names();
	compression();
	for (size_t i = 0; i < COUNT_OF(replies); i++)
		reply_case(&replies[i], TSIG_SHA256);
	reply_case(&replies[0], TSIG_SHA384);
	reply_case(&replies[0], TSIG_SHA512);
	reply_case(&replies[2], TSIG_SHA512);
	malformed();
	not_ours();
	return done_testing();
}
