/* device_name.c - see device_name.h. */
#include "store/device_name.h"

#include "base/b64url.h"

#define HASH_KEY "device_names"
#define HASH_KEY_TEXT (B64URL_LEN(DEVICE_NAME_KEY_BYTES) + 1)

bool
device_name_owner(struct sql *db, const char *name, struct device_key *ret, bool *ret_found, struct problem *pr)
{
	static const char SQL[] = "select type, scope, device from device_name where name=$1";
	struct sql_stmt *st = sql_begin(db, SQL);
	struct device_key key = { 0 };
	bool found;

	sql_bind_str(st, 1, name);
	found = sql_step(st);
	if (found) {
		key.type = (enum ident_type)sql_int(st, 0);
		sql_copy(st, 1, key.scope, sizeof(key.scope));
		sql_copy(st, 2, key.name, sizeof(key.name));
	}
	if (!sql_end(st, pr))
		return false;
	*ret_found = found;
	if (found)
		*ret = key;
	return true;
}

bool
device_name_claim(struct sql *db, const char *name, const struct device_key *key, int64_t now, struct problem *pr)
{
	static const char SQL[] =
		"insert into device_name (name, type, scope, device, since) values ($1, $2, $3, $4, $5) on conflict do nothing";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_str(st, 1, name);
	sql_bind_int(st, 2, key->type);
	sql_bind_str(st, 3, key->scope);
	sql_bind_str(st, 4, key->name);
	sql_bind_int(st, 5, now);
	sql_step(st);
	return sql_end(st, pr);
}

bool
device_name_each(struct sql *db, const struct device_key *key, device_name_fn fn, void *arg, struct problem *pr)
{
	static const char SQL[] = "select name, since from device_name where device=$1 and type=$2 and scope=$3 order by name limit 100";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_str(st, 1, key->name);
	sql_bind_int(st, 2, key->type);
	sql_bind_str(st, 3, key->scope);
	while (sql_step(st)) {
		char name[IDENT_VALUE];

		sql_copy(st, 0, name, sizeof(name));
		fn(name, sql_int(st, 1), arg);
	}
	return sql_end(st, pr);
}

bool
device_name_release(struct sql *db, const struct device_key *key, struct problem *pr)
{
	static const char SQL[] = "delete from device_name where device=$1 and type=$2 and scope=$3";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_str(st, 1, key->name);
	sql_bind_int(st, 2, key->type);
	sql_bind_str(st, 3, key->scope);
	sql_step(st);
	return sql_end(st, pr);
}

static bool
hash_key_read(struct sql *db, char text[HASH_KEY_TEXT], struct problem *pr)
{
	static const char SQL[] = "select value from node_key where name=$1";
	struct sql_stmt *st = sql_begin(db, SQL);

	sql_bind_str(st, 1, HASH_KEY);
	text[0] = '\0';
	if (sql_step(st))
		sql_copy(st, 0, text, HASH_KEY_TEXT);
	return sql_end(st, pr);
}

static bool
hash_key_make(struct sql *db, char text[HASH_KEY_TEXT], struct problem *pr)
{
	static const char SQL[] = "insert into node_key (name, value) values ($1, $2)";
	struct sql_stmt *st = sql_begin(db, SQL);
	unsigned char key[DEVICE_NAME_KEY_BYTES];

	rand_bytes(key, sizeof(key));
	b64url_write(text, key, sizeof(key));
	sql_bind_str(st, 1, HASH_KEY);
	sql_bind_str(st, 2, text);
	sql_step(st);
	return sql_end(st, pr);
}

static bool
hash_key_decode(const char *text, unsigned char ret[DEVICE_NAME_KEY_BYTES], struct problem *pr)
{
	return b64url_read_exact(span_str(text), ret, DEVICE_NAME_KEY_BYTES) || problem_internal(pr, "the key of device names is damaged");
}

bool
device_name_key(struct sql *db, unsigned char ret[DEVICE_NAME_KEY_BYTES], struct problem *pr)
{
	char text[HASH_KEY_TEXT];

	return hash_key_read(db, text, pr) && (text[0] || hash_key_make(db, text, pr)) && hash_key_decode(text, ret, pr);
}

bool
device_name_key_find(struct sql *db, unsigned char ret[DEVICE_NAME_KEY_BYTES], bool *ret_found, struct problem *pr)
{
	char text[HASH_KEY_TEXT];

	if (!hash_key_read(db, text, pr))
		return false;
	*ret_found = text[0] != '\0';
	return !*ret_found || hash_key_decode(text, ret, pr);
}
