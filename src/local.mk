sbin_PROGRAMS += acmegated
acmegated_SOURCES = src/acmegated.c
acmegated_LDADD = $(gate_libs)
