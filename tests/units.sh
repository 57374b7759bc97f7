#!/bin/sh
# What systemd is told: it reads the units, finds them hardened (1.5 of 10 at most), and can make the user and the folders. Prints TAP.
cd "$(dirname "$0")/.." || exit 1
n=0 bad=0
root=$(mktemp -d) || exit 1
trap 'rm -rf "$root"' EXIT

# try WHAT COMMAND...
try() {
	what=$1
	shift
	n=$((n + 1))
	if said=$("$@" 2>&1); then
		echo "ok $n - $what"
	else
		echo "not ok $n - $what"
		echo "$said" | sed 's/^/# /'
		bad=1
	fi
}
has() {
	grep -q "$1" "$2"
}

mkdir -p "$root/units" "$root/etc"
cp etc/systemd/*.socket "$root/units"
# verify wants programs that are there
sed -e 's|@sbindir@/acmegated|/bin/true|' -e 's|@bindir@/acmegatectl|/bin/true|' etc/systemd/acmegate.service.in >"$root/units/acmegate.service"
for unit in acmegate.service acmegate.socket acmegate-http01.socket; do
	try "systemd reads $unit" systemd-analyze verify --man=no "$root/units/$unit"
done
try "the service is hardened" systemd-analyze security --offline=yes --threshold=15 "$root/units/acmegate.service"
try "a reload waits for its verdict" has '^ExecReload=@bindir@/acmegatectl reload$' etc/systemd/acmegate.service.in
try "no start without a configuration" has '^ConditionPathExists=/etc/acmegate/acmegate.conf$' etc/systemd/acmegate.service.in
try "sysusers makes the user" systemd-sysusers --root="$root" "$PWD/etc/sysusers.d/acmegate.conf"
try "acmegate, that is" has '^acmegate:' "$root/etc/passwd"
try "and the groups of administrators and auditors" has '^acmegate-audit:' "$root/etc/group"
try "tmpfiles makes the folders" systemd-tmpfiles --create --root="$root" "$PWD/etc/tmpfiles.d/acmegate.conf"
try "for that user alone" test "$(stat -c %a "$root/var/lib/acmegate" 2>&1)" = 700
echo "1..$n"
exit $bad
