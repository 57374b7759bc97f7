#!/bin/sh
# A private PostgreSQL on a UNIX socket in a temporary folder, for tests.
#
#   tests/pg.sh start [-w PID]   print its connection string; with -w it ends when process PID does
#   tests/pg.sh stop DIR         end it and remove the folder (DIR is what follows host=)
#
# As root the server runs as the system user postgres (initdb refuses root), else as the caller. PG_BIN names another
# version's programs; PG_FSYNC=on for honest measurements.
set -eu

bin=${PG_BIN:-}
if [ -z "$bin" ]; then
	for dir in /usr/lib/postgresql/*/bin; do # the newest is last
		if [ -x "$dir/initdb" ]; then bin=$dir; fi
	done
fi
if [ -z "$bin" ] && initdb=$(command -v initdb); then bin=$(dirname "$initdb"); fi
if [ -z "$bin" ]; then
	echo "pg.sh: PostgreSQL is not installed (Debian: postgresql)" >&2
	exit 1
fi

as_server() {
	if [ "$(id -u)" = 0 ]; then (cd / && runuser -u postgres -- "$@"); else "$@"; fi
}

start() {
	dir=$(as_server mktemp -d "${TMPDIR:-/tmp}/pg.XXXXXX")
	trap 'stop "$dir"' EXIT
	as_server "$bin/initdb" -D "$dir/data" -U gate -A trust -E UTF8 --locale=C --no-sync \
		>"$dir/initdb.log" 2>&1 || { cat "$dir/initdb.log" >&2; exit 1; }
	as_server "$bin/pg_ctl" -s -w -D "$dir/data" -l "$dir/log" -o \
		"-k $dir -c listen_addresses= -c fsync=${PG_FSYNC:-off} -c shared_buffers=32MB" start \
		</dev/null >&2 || { cat "$dir/log" >&2; exit 1; }
	trap - EXIT
	if [ -n "$watch" ]; then
		(tail --pid="$watch" -f /dev/null; stop "$dir") </dev/null >/dev/null 2>&1 &
	fi
	echo "host=$dir dbname=postgres user=gate"
}

stop() {
	[ -d "$1" ] || return 0
	as_server "$bin/pg_ctl" -s -D "$1/data" -m immediate stop >/dev/null 2>&1 || :
	rm -rf "$1"
}

watch=
case ${1:-} in
start)
	if [ "${2:-}" = -w ]; then watch=$3; fi
	start
	;;
stop)
	case ${2:-} in
	*/pg.??????) stop "$2" ;;
	*) echo "pg.sh: not a folder of ours: ${2:-}" >&2; exit 2 ;;
	esac
	;;
*)
	sed -n '2,9s/^# \{0,1\}//p' "$0"
	exit 2
	;;
esac
