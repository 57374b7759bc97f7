# src/store: sources, unit tests (check_PROGRAMS) and fuzz targets (fuzz_targets) of this room
