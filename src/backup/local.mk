libgate_a_SOURCES += src/backup/backup.c src/backup/backup.h src/backup/files.c src/backup/restore.c
