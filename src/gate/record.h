/* record.h - what becomes of the gateway itself, in the audit trail: starts, stops, configurations. A transaction each, any thread that
 * may wait. What cannot be written is logged: nobody could be refused. */
#ifndef GATE_RECORD_H
#define GATE_RECORD_H

#include "gate/gate_int.h"

/* It serves; and whether the run before ended without saying so. */
void record_start(struct gate *g, const struct gate_conf *conf);
void record_stop(struct gate *g);
/* In force as this generation, or refused for these faults (then conf is the one that stays). */
void record_conf(struct gate *g, const struct gate_conf *conf, struct span faults);
#endif
