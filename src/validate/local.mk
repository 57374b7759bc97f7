libgate_a_SOURCES += \
	src/validate/http01.c src/validate/job.c src/validate/job.h src/validate/validate.h
