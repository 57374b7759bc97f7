/* scenarios.h - what is simulated. */
#ifndef SIM_SCENARIOS_H
#define SIM_SCENARIOS_H

#include "sim.h"

extern const struct scenario scenarios[]; /* ended by one without a name */
#endif
