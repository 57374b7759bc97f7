# man: the manual pages, and what else there is to read
dist_man_MANS += man/acmegate.conf.5 man/acmegated.8
EXTRA_DIST += doc/audit.md doc/billing.md doc/clients.md doc/decisions.md doc/mass-ari.md doc/policy.md doc/simulation.md
