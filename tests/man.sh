#!/bin/sh
# The manual pages are sound mdoc: mandoc has nothing to say about them. Prints TAP.
cd "$(dirname "$0")/.." || exit 1
n=0 bad=0
for page in man/*.[0-9]; do
	n=$((n + 1))
	if said=$(mandoc -T lint -W warning "$page" 2>&1); then
		echo "ok $n - $page"
	else
		echo "not ok $n - $page"
		echo "$said" | sed 's/^/# /'
		bad=1
	fi
done
echo "1..$n"
exit $bad
