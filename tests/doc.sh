#!/bin/sh
# Every function that a public header declares is explained there: a comment above it, above the block of lines it stands
# in, or behind it on its line. Names that say all need none (x_new, x_free, x_done, x_ref, x_unref, x_name). And no file is
# longer than 600 lines, unless its first lines say why (`Long because`). Prints TAP; lists what is not so with file:line.
cd "$(dirname "$0")/.." || exit 1

missing=$(find lib src -name '*.h' | sort | xargs awk '
	function name_of(line) {
		sub(/\(.*/, "", line)
		sub(/.*[ *]/, "", line)
		return line
	}
	FNR == 1 { told = 0; depth = 0; more = 0 }
	/^\/\*/ { told = 1; if (!/\*\//) inside = 1; next }
	inside { if (/\*\//) inside = 0; next }
	/^$/ { told = 0; next }
	/^#/ { next }
	more { if (/;/) more = 0; next }                       # the rest of a long prototype
	{ opens = gsub(/\{/, "{"); closes = gsub(/\}/, "}") }
	depth == 0 && !opens && /^[a-z].*\(/ && !/^(typedef|static|extern|struct [a-z_]+ \{)/ {
		if (!/;/) more = 1
		name = name_of($0)
		if (!told && !/\/\*/ && name !~ /_(new|free|done|ref|unref|name)$/)
			printf "%s:%d: %s\n", FILENAME, FNR, name
		if (/\/\*/)
			told = 1                               # the lines after it are its block
	}
	{ depth += opens - closes }
')
if [ -z "$missing" ]; then
	echo "ok 1 - every public function is explained"
else
	echo "not ok 1 - every public function is explained"
	echo "$missing" | sed 's/^/# /'
fi

long=$(find lib src -name '*.[ch]' | sort | while read -r file; do
	lines=$(wc -l <"$file")
	if [ "$lines" -gt 600 ] && ! head -n 30 "$file" | grep -qi 'long because'; then
		echo "$file:1: $lines lines"
	fi
done)
if [ -z "$long" ]; then
	echo "ok 2 - no file is longer than 600 lines without a reason"
else
	echo "not ok 2 - no file is longer than 600 lines without a reason"
	echo "$long" | sed 's/^/# /'
fi
echo 1..2
[ -z "$missing$long" ]
