# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# Guests that run beside the test, and what is asked of them.

# Start a guest in the background: $1 file name for what it prints, then what follows `vmm run`.
# Sets $guest, its PID.
guest_start()
{
	local output=$1 argument arguments=()
	shift

	for argument; do
		[[ $argument != */* && $argument == *.@(elf|bin) ]] && argument=$GUESTS/$argument
		arguments+=("$argument")
	done
	timeout -s KILL "$RUN_SECONDS" "$VMM" run "${arguments[@]}" </dev/null >"$output.out" \
		2>"$output.err" &
	guest=$!
}

# Wait until a command succeeds, ten seconds at most.
wait_for()
{
	local i

	for ((i = 0; i < 200; i++)); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.05
	done
	return 1
}

# Say what is not in file $1: regular expressions $2... which lines match, in this order.
missing_in_order()
{
	local file=$1 from=1 line pattern
	shift

	for pattern; do
		line=$(tail -n "+$from" "$file" | grep -anE -m1 -- "$pattern" | cut -d: -f1)
		if [[ -z $line ]]; then
			echo "no line from $from on matches '$pattern':"
			cat "$file"
			return
		fi
		((from += line))
	done
}

# Print what a running VM answers: $1 its name, then the command.
ask()
{
	timeout 20 "$VMM" ctl "$@" 2>&1
}

# Run gdb with the commands of standard input; what it prints, without prompts, goes to $1.gdb.
gdb_run()
{
	{ HOME=$scratch timeout -s KILL 40 gdb -nx -q 2>&1; } 2>/dev/null | sed 's/^\((gdb) \)*//' >"$1.gdb"
}

# A session of gdb with a guest that waits for it: $1 file name, $2 what follows `vmm run`, as one
# string of plain words, $3 the image whose symbols gdb has. Commands come from standard input; a
# failing one does not end the session. What gdb prints is in $1.gdb; the guest's exit code is
# returned.
session()
{
	local name=$1 words=$2 symbols=$3 guest

	{
		printf '%s\n' 'set confirm off' 'set pagination off' 'set style enabled off' \
			'set height 0' 'set width 0' "file $GUESTS/$symbols" \
			"target remote $scratch/gdb.sock"
		cat
	} >"$name.commands"
	# shellcheck disable=SC2086 # plain words
	guest_start "$name" --timeout 30 --gdb "unix:$scratch/gdb.sock" --wait $words
	wait_for test -S "$scratch/gdb.sock"
	gdb_run "$name" <"$name.commands"
	wait "$guest"
}
