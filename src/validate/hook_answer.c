/* hook_answer.c - see hook_answer.h. */
#include "validate/hook_answer.h"

#include "json/json.h"

static bool
is_printable(struct span text)
{
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		/* C1 control characters are 0xc2 0x80 to 0xc2 0x9f */
		if (c < 0x20 || c == 0x7f || (c == 0xc2 && (unsigned char)text.p[i + 1] < 0xa0))
			return false;
	}
	return true;
}

static bool
read_answer(const struct json *doc, struct hook_answer *ret, struct problem *pr)
{
	struct json_obj o = json_obj(json_root(doc), "answer", pr);
	struct span say = json_opt_str(&o, "say", sizeof(ret->say) - 1);
	const struct json_node *allow = json_get(json_root(doc), "allow");
	struct hook_answer a = { .allow = json_bool(allow, false) };

	if (!json_ok(&o))
		return false;
	if (json_type(allow) != JSON_BOOL)
		return problem_set(pr, PROBLEM_MALFORMED, "\"allow\" of the answer is neither true nor false");
	if (!is_printable(say) || !span_copy(say, a.say, sizeof(a.say)))
		return problem_set(pr, PROBLEM_MALFORMED, "\"say\" of the answer has a control character");
	*ret = a;
	return true;
}

bool
hook_answer_parse(struct span text, struct hook_answer *ret, struct problem *pr)
{
	static const struct json_limits limits = { .depth_max = 8, .nodes_max = 256 };
	struct json *doc;
	bool good;

	if (text.n > HOOK_ANSWER_MAX)
		return problem_set(pr, PROBLEM_MALFORMED, "the answer is longer than %d octets", HOOK_ANSWER_MAX);
	if (!json_parse(text, "the answer", &limits, &doc, pr))
		return false;
	good = read_answer(doc, ret, pr);
	json_free(doc);
	return good;
}
