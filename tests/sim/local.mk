# tests/sim: a fleet's years on a virtual clock

sim_cppflags = $(AM_CPPFLAGS) -I$(top_srcdir)/tests/sim
sim_boulder = tests/sim/boulder.c tests/sim/boulder.h tests/sim/map.c tests/sim/map.h

check_PROGRAMS += test_boulder
test_boulder_SOURCES = tests/sim/test_boulder.c $(sim_boulder) tests/tap.h
test_boulder_LDADD = $(rooms_libs)
test_boulder_CPPFLAGS = $(sim_cppflags) -I$(top_srcdir)/tests

check_PROGRAMS += test_fluid
test_fluid_SOURCES = tests/sim/test_fluid.c tests/sim/fluid.c tests/sim/fluid.h tests/tap.h
test_fluid_LDADD = $(rooms_libs)
test_fluid_CPPFLAGS = $(sim_cppflags) -I$(top_srcdir)/tests

# Ledger, scheduler and rules are the daemon's, from its libraries. What they ask of the store memstore.c answers: the linker has these
# names already when it comes to the libraries, and leaves the store's own alone.
EXTRA_PROGRAMS += sim_fleet
sim_fleet_SOURCES = tests/sim/sim.c tests/sim/sim.h tests/sim/events.c tests/sim/fleet.c tests/sim/fluid.c tests/sim/fluid.h \
	tests/sim/gateway.c tests/sim/memstore.c tests/sim/memstore.h tests/sim/run.c tests/sim/scenarios.c tests/sim/scenarios.h \
	tests/sim/windows.c $(sim_boulder)
sim_fleet_LDADD = $(gate_libs)
sim_fleet_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=rand_below -Wl,--wrap=rand_bytes -Wl,--wrap=clock_unix_s
sim_fleet_CPPFLAGS = $(sim_cppflags)

# Some minutes; SIM=quick, or names of scenarios, for less; SIM=million for a million devices.
.PHONY: sim
sim: sim_fleet
	./sim_fleet $(SIM)
