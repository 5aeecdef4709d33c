# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What the boot tests are written with: one call tests one thing and prints TAP. The caller has set
# $VMM, $GUESTS and $REPEAT; $scratch is a folder for files that are gone at the end.

RUN_SECONDS=60 # a run that takes longer hangs

. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/tap.sh"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Run the program: $1 file name for what it prints (.out, .err), then its arguments, of which images
# (*.elf, *.bin) are those of $GUESTS. Standard input is $INPUT. Returns its exit code.
run()
{
	local output=$1 argument arguments=()
	shift

	for argument; do
		[[ $argument != */* && $argument == *.@(elf|bin) ]] && argument=$GUESTS/$argument
		arguments+=("$argument")
	done
	timeout -s KILL "$RUN_SECONDS" "$VMM" "${arguments[@]}" <"${INPUT:-/dev/null}" \
		>"$output.out" 2>"$output.err"
}

# Say how file $1 differs from what is expected by $2: `-` for an empty file, NAME.out for the bytes
# of tests/boot/expected/NAME.out, NAME.re for lines that match the regular expressions there, one
# each, else a regular expression that some line matches.
difference()
{
	local i want=tests/boot/expected/$2 lines=() patterns=()

	case $2 in
	-) [[ ! -s $1 ]] || echo "not empty: $(head -c 2000 "$1")" ;;
	*.out) cmp -s "$1" "$want" || diff -a "$want" "$1" ;;
	*.re)
		mapfile -t lines <"$1"
		mapfile -t patterns <"$want"
		for ((i = 0; i < ${#lines[@]} || i < ${#patterns[@]}; i++)); do
			[[ ${lines[i]-} =~ ^${patterns[i]-}$ ]] ||
				echo "line $((i + 1)) is '${lines[i]-}', not '${patterns[i]-}'"
		done
		;;
	*) grep -qaE -- "$2" "$1" || echo "no line matches '$2': $(head -c 2000 "$1")" ;;
	esac
}

# Say how a run differs from what is expected: $1 file name of its output, $2 its exit code, then
# the expected code, standard output and standard error.
differences()
{
	local text

	[[ $2 == "$3" ]] || echo "exit code $2, not $3"
	text=$(difference "$1.out" "$4")
	[[ -z $text ]] || echo "standard output: $text"
	text=$(difference "$1.err" "$5")
	[[ -z $text ]] || echo "standard error: $text"
}

# A guest that names what it could not test has not passed: $1 file name of its output.
skip_reason()
{
	sed -n 's/^skipped //p' "$1.out"
}

# One guest, $REPEAT times with the same outcome, and once more with an audit at its end:
# $1 name, $2 exit code, $3 standard output, $4 standard error, then what follows `vmm run`.
boot()
{
	local name=$1 want=("${@:2:3}") first=$scratch/first again=$scratch/again code i wrong=""
	shift 4

	run "$first" run "$@"
	code=$?
	wrong=$(differences "$first" $code "${want[@]}")
	for ((i = 1; i < REPEAT; i++)); do
		[[ -z $wrong ]] || break
		run "$again" run "$@"
		wrong=$(
			differences "$again" $? "${want[@]}"
			diff -a "$first.out" "$again.out"
			diff -a "$first.err" "$again.err"
		)
		[[ -z $wrong ]] || wrong="run $((i + 1)) is another: $wrong"
	done
	if [[ -n $wrong && $code == "${want[0]}" && -n $(skip_reason "$first") ]]; then
		tap_silent "$name # SKIP $(skip_reason "$first")" ""
		return
	fi
	tap_silent "$name" "$wrong"
	run "$again" run --audit "$@"
	tap_silent "$name, audited" "$(differences "$again" $? "${want[@]}")"
}

# A command line that is refused: code 125, one sentence, nothing on standard output.
# $1 name, $2 a regular expression that the sentence matches, then the command line.
refused()
{
	local name=$1 sentence=$2 output=$scratch/refused wrong
	shift 2

	run "$output" "$@"
	wrong=$(
		differences "$output" $? 125 - "^vmm( run)?: .*$sentence"
		[[ $(wc -l <"$output.err") == 1 ]] || echo "not one line: $(cat "$output.err")"
	)
	tap_silent "refused: $name" "$wrong"
}

# Whether standard input is one JSON object and nothing else: strings become S, other plain values
# V, then each innermost array an A and object an O, until one O is left.
is_json_object()
{
	tr -d '\n' | sed -E '
		s/"([^"\\]|\\.)*"/S/g
		s/-?\<(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?\>/V/g
		s/\<(true|false|null)\>/V/g
		s/[ \t]//g
		:again
		s/\[([SVAO](,[SVAO])*)?\]/A/
		t again
		s/\{(S:[SVAO](,S:[SVAO])*)?\}/O/
		t again' | grep -qx O
}
