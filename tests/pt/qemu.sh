# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# QEMU as an oracle: a guest under QEMU is stopped, its monitor says what it sees, and cores are
# written of the same pause.

QEMU=qemu-system-x86_64
QEMU_SECONDS=60 # a run that takes longer hangs

# Start a guest: $1 folder for its files, $2 words for its command line, then options. It is ready
# when it says so on its debug console.
qemu_start()
{
	local folder=$1 words=$2
	shift 2

	mkdir -p "$folder"
	: >"$folder/console"
	coproc QEMU_RUN { exec timeout -k 5 "$QEMU_SECONDS" "$QEMU" -accel tcg -cpu max \
		-nodefaults -display none -no-reboot -qmp stdio -debugcon "file:$folder/console" \
		-kernel "$GUESTS/multiboot_paging.elf" -append "$words" "$@" \
		2>"$folder/err"; }
	qemu_pid=$QEMU_RUN_PID
	qmp '{"execute": "qmp_capabilities"}' >/dev/null
	until grep -qs 'paging is on' "$folder/console"; do
		kill -0 "$qemu_pid" 2>/dev/null || return 1
		sleep 0.05
	done
}

qemu_stop()
{
	qmp '{"execute": "stop"}' >/dev/null
}

# Let the guest go on for a moment.
qemu_go()
{
	qmp '{"execute": "cont"}' >/dev/null
	sleep 0.05
}

# Ask QEMU something and print its answer, the line that has one.
qmp()
{
	local line

	echo "$1" >&"${QEMU_RUN[1]}"
	while read -r line <&"${QEMU_RUN[0]}"; do
		[[ $line == *'"return"'* || $line == *'"error"'* ]] || continue
		echo "$line"
		[[ $line == *'"return"'* ]]
		return
	done
	return 1
}

# What the monitor prints for a command: $1 command, $2 number of the vCPU.
monitor()
{
	local answer

	answer=$(qmp "{\"execute\": \"human-monitor-command\", \"arguments\":
		{\"command-line\": \"$1\", \"cpu-index\": ${2:-0}}}") || return
	answer=${answer#*'"return": "'}
	answer=${answer%'"'*}
	printf '%b' "$answer" | tr -d '\r'
}

# Write a core: $1 file, $2 true if in the order of the guest's addresses.
qemu_dump()
{
	qmp "{\"execute\": \"dump-guest-memory\", \"arguments\":
		{\"paging\": $2, \"protocol\": \"file:$1\"}}" >/dev/null
}

qemu_quit()
{
	qmp '{"execute": "quit"}' >/dev/null
	wait "$qemu_pid" 2>/dev/null
}
