libgate_a_SOURCES += src/jobs/jobs.c src/jobs/jobs.h
