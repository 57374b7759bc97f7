/* gate_int.h - what the files of the gate share: everything that lives. */
#ifndef GATE_GATE_INT_H
#define GATE_GATE_INT_H

#include <pthread.h>

#include "admin/admin.h"
#include "gate/gate.h"
#include "gate/housekeep.h"
#include "incident/incident.h"
#include "renewal/plan_job.h"

struct gate {
	struct conf_holder *conf;
	struct keeper *keeper;
	struct store *store;
	struct pool *pool;
	struct loop *outbound;
	struct httpc *httpc;   /* to CAs */
	struct httpc *gets;    /* to CAs, about renewal: never in the way of orders */
	struct httpc *probes;  /* to devices: however many are slow, CAs have connections of their own */
	struct dns *dns;
	struct tlsc *tlsc;
	struct proc *hooks;    /* about devices */
	struct proc *solving;  /* for CAs: one that waits for a provider of DNS keeps no device waiting */
	struct jobs *jobs;
	struct solve *solve;
	struct upstreams *ups;
	struct validate_job_env validate;
	struct housekeep housekeep;
	struct plan_job plan;
	struct incidents incidents;
	struct trail_env trail;
	struct renewal *renewal;
	struct server server;
	struct httpd *httpd;
	struct httpd_face *acme_face;
	struct admin admin;
	char node[NODE_TEXT];
	int signal_fd;
	pthread_mutex_t reload_lock;
	unsigned generation; /* under reload_lock */
};

/* ---- faces.c; main thread, but for what says otherwise ---- */
/* All of them, with the server behind them; the outbound loop runs. */
bool faces_start(struct gate *g, const struct gate_conf *conf, struct problem *pr) MUST_CHECK;
/* What one connection may do. Any thread. */
struct http_limits faces_limits(const struct gate_conf *conf);
#endif
