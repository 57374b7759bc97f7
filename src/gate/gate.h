/* gate.h - everything that lives: start, reload, drain, stop. The main thread's, but for what says otherwise. */
#ifndef GATE_GATE_H
#define GATE_GATE_H

#include "gate/holder.h"

struct gate;

/* Exit codes of the daemon (N9). */
enum gate_exit { GATE_OK = 0, GATE_USAGE = 64, GATE_UNAVAILABLE = 69, GATE_INTERNAL = 70, GATE_CONFIG = 78 };

/* Start all of it; takes over the reference. Signals SIGHUP, SIGTERM, SIGINT must be blocked already. On failure says what and which
 * exit code; nothing is left running. Before the first thread. */
bool gate_start(struct gate_conf *conf, struct gate **ret, enum gate_exit *ret_exit, struct problem *pr) MUST_CHECK;
/* Serve until SIGTERM or SIGINT (drains) or the keeper's death; reload at SIGHUP. */
enum gate_exit gate_run(struct gate *g);
/* End everything in order. */
void gate_stop(struct gate *g);
/* Load the file again and put it in force, or keep what runs: the text says which. Any thread, one at a time. */
bool gate_reload(struct gate *g, struct buf *ret_text);
#endif
