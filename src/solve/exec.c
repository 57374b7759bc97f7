/* exec.c - dns-01 by a program of the operator's, which knows how to lay a TXT record out, and to remove it.
 *
 *   native   PROGRAM add NAME VALUE ZONE        PROGRAM del NAME VALUE ZONE
 *   lego     PROGRAM present NAME. VALUE        PROGRAM cleanup NAME. VALUE
 *
 * No shell has a hand in it. It must not mind being run again for the same record. Exit status 0: done; 75 (EX_TEMPFAIL), and no end in
 * time: later; any other: an operator must look. */
#include <stdio.h>
#include <stdlib.h>
#include <sysexits.h>

#include "base/log.h"
#include "base/mem.h"
#include "proc/proc.h"
#include "solve/solve_int.h"

#define OUTPUT_MAX (64 * 1024) /* nobody reads it */

static const struct convention {
	const char *verbs[2]; /* lay out, remove */
	const char *dot;      /* behind the name */
	bool has_zone;
} conventions[] = {
	[EXEC_NATIVE] = { { "add", "del" }, "", true },
	[EXEC_LEGO] = { { "present", "cleanup" }, ".", false },
};

struct running {
	struct pending pending; /* first */
	struct proof *p;
	const struct solver_conf *conf;
	bool is_delete;
	enum look_result look;
	struct problem problem;
};

static void
running_free(struct pending *pending)
{
	free(pending);
}

static void
end(struct running *r, enum proof_result result)
{
	struct proof *p = r->p;
	const struct solver_conf *conf = r->conf;
	bool is_delete = r->is_delete;

	TAILQ_REMOVE(&p->solve->pending, &r->pending, entry);
	if (result != PROOF_GOOD)
		p->problem = r->problem;
	free(r);
	if (result == PROOF_GOOD && !is_delete)
		check_start(p, conf);
	else
		proof_done(p, result);
}

static void
count(_Atomic(uint64_t) *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static void
on_exit_of(const struct proc_reply *reply, void *arg)
{
	struct running *r = arg;
	struct solver_stats *stats = &solver_state(r->p->solve, r->p->record.solver)->stats;
	bool exited = reply->result == PROC_EXITED;

	if (exited && reply->code == 0) {
		count(&stats->good);
		count(r->is_delete ? &stats->removed : &stats->added);
		end(r, PROOF_GOOD);
		return;
	}
	problem_set(&r->problem, PROBLEM_DNS, "program %.200s for \"%s\": %s %d%s%s", r->conf->program, r->p->record.owner,
		exited ? "exit status" : proc_result_name(reply->result), reply->code, reply->errors.n ? ": " : "", QUOTE(reply->errors));
	count(exited && reply->code != EX_TEMPFAIL ? &stats->refused : &stats->failed);
	log_info("solver_program_failed", LS("solver", r->p->record.solver), LS("program", r->conf->program), LI("code", reply->code),
		LSP("errors", reply->errors));
	end(r, (exited && reply->code != EX_TEMPFAIL) || reply->result == PROC_NOT_STARTED ? PROOF_SETUP : PROOF_LATER);
}

/* Loop's thread, after the last look. */
static void
run(void *arg)
{
	struct running *r = arg;
	const struct proof_record *record = &r->p->record;
	const struct convention *c = &conventions[r->conf->convention];
	AUTO_FREE char *name = xasprintf("%s%s", record->owner, c->dot);

	if (r->look != LOOK_DO) {
		end(r, r->look == LOOK_NOTHING ? PROOF_GOOD : PROOF_LATER);
		return;
	}
	proc_start(r->p->solve->env.proc,
		&(struct proc_request){ .path = r->conf->program,
			.args = { c->verbs[r->is_delete], name, record->value, c->has_zone ? record->zone : NULL },
			.output_max = OUTPUT_MAX, .queue_ms = r->conf->program_ms, .run_ms = r->conf->program_ms },
		on_exit_of, r);
}

/* Worker */
static void
look_task(void *arg)
{
	struct running *r = arg;

	r->look = proof_look(r->p, r->is_delete, INT64_MAX, &r->problem);
	loop_post(r->p->solve->env.loop, run, r);
}

static void
start(struct proof *p, const struct solver_conf *conf, bool is_delete)
{
	struct running *r = xcalloc(1, sizeof(*r));

	r->pending.free = running_free;
	TAILQ_INSERT_TAIL(&p->solve->pending, &r->pending, entry);
	r->p = p;
	r->conf = conf;
	r->is_delete = is_delete;
	pool_post(p->solve->env.pool, look_task, r);
}

void
exec_find(struct proof *p, const struct solver_conf *conf)
{
	/* which server has the zone is the program's affair */
	zone_find(p, conf->zone, true);
}

void
exec_place(struct proof *p, const struct solver_conf *conf)
{
	start(p, conf, false);
}

void
exec_remove(struct proof *p, const struct solver_conf *conf)
{
	start(p, conf, true);
}
