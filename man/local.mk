# man: sources, unit tests (check_PROGRAMS) and fuzz targets (fuzz_targets) of this room
dist_man_MANS += man/acmegate.conf.5
