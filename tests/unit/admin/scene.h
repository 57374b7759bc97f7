/* scene.h - a gateway's inside without its ACME face: store with rows, keeper, two CAs, and the admin API on a socket. */
#ifndef TESTS_ADMIN_SCENE_H
#define TESTS_ADMIN_SCENE_H

#include "admin/admin.h"
#include "json/json.h"

struct scene {
	char folder[64], socket[96], file[96];
	struct admin admin;
	struct server server;
	struct trail_env trail;
	struct keeper *keeper;
	struct loop *loop;
	struct httpc *httpc;
	/* refs of the rows */
	char account[REF_TEXT], other[REF_TEXT];
	char pending[REF_TEXT], invalid[REF_TEXT], processing[REF_TEXT], valid[REF_TEXT];
	char cert[REF_TEXT], cert2[REF_TEXT];
	/* what the hooks of the admin room did */
	_Atomic(bool) reload_good;
	_Atomic(int) reloads;
	_Atomic(int) drains;
	/* what the hook tells of the TLS certificate */
	const char *tls_source, *tls_renewal;
};

void scene_up(struct scene *s);
void scene_down(struct scene *s);
/* Put a configuration with these admin_users ("\"nobody\"") in force. */
void scene_users(struct scene *s, const char *users);
/* The same with any lists: "operators = [ \"nobody\" ];" */
void scene_roles(struct scene *s, const char *roles);
#endif
