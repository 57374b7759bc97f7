#!/bin/bash
# bash, zsh and fish load their completions, and offer the same: verbs of a noun, options of a command, values of an option. Prints TAP.
cd "$(dirname "$0")/.." || exit 1
n=0 bad=0

is() {
	n=$((n + 1))
	if [ "$2" = "$3" ]; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		diff <(echo "$2") <(echo "$3") | sed 's/^/# /'
		bad=1
	fi
}
in_bash() {
	# shellcheck disable=SC2016
	bash --norc -c '. etc/acmegatectl.bash-completion; COMP_WORDS=(acmegatectl "$@"); COMP_CWORD=$#; _acmegatectl; printf "%s\n" "${COMPREPLY[@]}"' \
		bash "$@" | sort
}
in_zsh() {
	# what zsh's own functions would be given
	# shellcheck disable=SC2016
	zsh -f -c '_describe() { [[ $1 == -o ]] && shift; local item; for item in "${(@P)2}"; do print -r -- ${item%%:*}; done }
		compadd() { shift; print -rl -- "$@" }
		_files() { print FILES }
		words=(acmegatectl "$@"); CURRENT=${#words}; . etc/_acmegatectl' zsh "$@" | sort
}
in_fish() {
	HOME=/nonexistent fish --no-config -c '. etc/acmegatectl.fish; complete -C "acmegatectl '"$*"'"' | cut -f 1 | sort
}
all() {
	local what=$1 bash
	shift
	bash=$(in_bash "$@")
	is "bash offers $what" "$(echo "$bash" | grep -cx -- "$want")" 1
	is "zsh offers what bash does: $what" "$(in_zsh "$@")" "$bash"
	is "fish offers what bash does: $what" "$(in_fish "$@")" "$bash"
}

want=order all "nouns" ''
want=show all "verbs" order ''
want=show all "verbs behind an option with an argument" --config /x order ''
want=processing all "values of an option" order list --state ''
is "zsh offers files where files are wanted" "$(in_zsh --config '')" FILES
is "zsh offers the options of a command" "$(in_zsh order show --)" "$(in_bash order show --)"
is "fish does so" "$(in_fish order show -- | grep -c -e --trace -e --json)" 2
echo "1..$n"
exit $bad
