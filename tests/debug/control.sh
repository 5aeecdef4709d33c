# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# The control socket: who is found, what is answered, what hostile peers get.

socket()
{
	echo "$XDG_RUNTIME_DIR/vmm/$1.sock"
}

# Send the bytes of standard input to a socket and print what comes back.
raw()
{
	timeout 10 python3 -c '
import socket, sys
peer = socket.socket(socket.AF_UNIX)
peer.settimeout(5)
peer.connect(sys.argv[1])
try:
    peer.sendall(sys.stdin.buffer.read())
    peer.shutdown(socket.SHUT_WR)
    while True:
        some = peer.recv(65536)
        if not some:
            break
        sys.stdout.buffer.write(some)
except OSError as error:
    print("error", error)
' "$(socket "$1")"
}

test_found()
{
	guest_start "$scratch/web" --name web spin.elf
	web=$guest
	wait_for ask web status
	tap_silent "a VM is found by name and PID, and is told apart from none" "$(
		"$VMM" ps >"$scratch/ps"
		missing_in_order "$scratch/ps" '^ +PID +NAME' '^ *[0-9]+ +web +running .*128 MiB.*spin.elf$'
		pid=$(sed -n 's/^ *\([0-9]*\) .*web .*/\1/p' "$scratch/ps")
		ask "$pid" status | grep -q '"name": "web"' || echo "not found by PID $pid"
		ask "$(socket web)" status | grep -q '"name": "web"' || echo "not found by path"
		"$VMM" ps --json | is_json_object || echo "ps --json is none"
	)"
	tap_silent "its socket is the user's alone" "$(
		[[ $(stat -c %a "$(socket web)") == 600 ]] || stat "$(socket web)"
		[[ $(stat -c %a "$XDG_RUNTIME_DIR/vmm") == 700 ]] || stat "$XDG_RUNTIME_DIR/vmm"
	)"
	refused "a name that is taken" "another VM has that name" run --name web spin.elf
	refused "a name of digits" "" run --name 12 spin.elf
	refused "a name with a slash" "" run --name a/b spin.elf
	refused "an empty name" "" run --name "" spin.elf
	refused "a control socket in no folder" "" run --control "$scratch/no/socket" spin.elf
	refused "a control socket over a file" "" run --control "$scratch/web.out" spin.elf
}

# Exits are counted while it runs, and not while it is paused.
exits()
{
	ask web status | sed -n 's/.*"exits": \([0-9]*\).*/\1/p'
}

test_paused()
{
	tap_silent "paused, it stands still; resumed, it runs" "$(
		ask web pause | grep -q '"paused"' || echo "not paused"
		before=$(ask web registers)
		sleep 0.2
		[[ $before == "$(ask web registers)" ]] || echo "registers change"
		ask web pause >/dev/null # twice is once
		ask web resume | grep -q '"running"' || echo "not running"
		count=$(exits)
		sleep 0.3
		(($(exits) > count)) || echo "no exit since $count"
	)"
	tap_silent "registers, host walk and host map are told" "$(
		ask web registers >"$scratch/registers"
		missing_in_order "$scratch/registers" '"rip": "0x4[0-9a-f]{5}"' '"cr3": "0x7f00000"' \
			'"efer": "0xd00"' '"cs": \{'
		ask web host-walk 0x400000 >"$scratch/walk"
		missing_in_order "$scratch/walk" '"level": 4' '"level": 3' '"level": 2' \
			'"mapped": true' '"references": 1' '"kind": "data"'
		ask web host-walk 0x10000000 | grep -q '"mapped": false' || echo "mapped"
		ask web host-map >"$scratch/map"
		missing_in_order "$scratch/map" '"gpa": "0x0"' '"len": 134217728' '"rights": "rwx"'
	)"
	tap_silent "vmm pt --vm sees its tables while it stands still, and lets it go" "$(
		"$VMM" pt dump --vm web >"$scratch/dump" 2>&1
		missing_in_order "$scratch/dump" 'vCPU 0 of 1, CR3 0x7f00000' '^0000000000400000 .* r-x-'
		"$VMM" pt walk --vm web 0x400000 >"$scratch/dump" 2>&1
		missing_in_order "$scratch/dump" 'level 1' 'frame 0x400000, data, references: 1'
		ask web status | grep -q '"running"' || echo "it does not run"
	)"
}

test_snapshot()
{
	tap_silent "a snapshot is a core that readelf and gdb read" "$(
		cd "$scratch" || exit
		"$VMM" snapshot web web.core >"$scratch/text" 2>&1
		missing_in_order "$scratch/text" '^web.core: 128 MiB of guest memory, [0-9]+ KiB'
		LC_ALL=C readelf -hln web.core >"$scratch/readelf" 2>&1
		missing_in_order "$scratch/readelf" 'CORE \(Core file\)' \
			'LOAD .*0x0000000000000000 0x0000000000000000' '0x0000000008000000' \
			'NT_PRSTATUS' 'QEMU ' 'VMM '
		grep -i warning "$scratch/readelf"
		(($(stat -c %b web.core) < 8192)) || echo "it is not sparse: $(stat -c %b web.core)"
		[[ $(stat -c %a web.core) == 600 ]] || echo "mode $(stat -c %a web.core)"
		ls web.core.* 2>/dev/null
	)"
	tap_silent "it has the VM's registers and memory" "$(
		ask web pause >/dev/null
		"$VMM" snapshot web "$scratch/web.core" >/dev/null
		"$VMM" pt diff --vm web "$scratch/web.core" | grep -q '^0 differences' || echo "they differ"
		"$VMM" pt dump --vm web | tail -n +2 >"$scratch/live"
		"$VMM" pt dump "$scratch/web.core" | tail -n +2 | diff "$scratch/live" -
		"$VMM" pt host "$scratch/web.core" | grep -q ' 128M ' || echo "no host table"
		ask web resume >/dev/null
	)"
	tap_silent "where none can be written, nothing is left" "$(
		"$VMM" snapshot web "$scratch/none/x" >"$scratch/text" 2>&1 && echo "exit code 0"
		missing_in_order "$scratch/text" '^vmm snapshot: web: .*No such file'
	)"
	(
		trap '' XFSZ
		exec "$VMM" run --timeout 30 --name small "$GUESTS/spin.elf"
	) </dev/null >"$scratch/small.out" 2>&1 &
	guest=$!
	wait_for ask small status
	prlimit --pid "$guest" --fsize=65536
	tap_silent "where there is no room, what was there stays" "$(
		echo before >"$scratch/kept"
		"$VMM" snapshot small "$scratch/kept" >"$scratch/text" 2>&1 && echo "exit code 0"
		missing_in_order "$scratch/text" '^vmm snapshot: small: .*File too large'
		[[ $(cat "$scratch/kept") == before ]] || echo "it has changed"
		ls "$scratch"/kept.* 2>/dev/null
		ask small status | grep -q '"running"' || echo "the VM does not run"
	)"
	ask small quit >/dev/null
	wait "$guest"
	guest_start "$scratch/high" --name high --mem 5G spin.elf
	wait_for ask high status
	tap_silent "memory above 4 GiB is there in it, and the hole is not" "$(
		"$VMM" snapshot high "$scratch/high.core" >/dev/null 2>&1
		LC_ALL=C readelf -lW "$scratch/high.core" >"$scratch/readelf"
		missing_in_order "$scratch/readelf" \
			'LOAD .* 0x0*0 0x0*0 0x0*c0000000 0x0*c0000000' \
			'LOAD .* 0x0*100000000 0x0*100000000 0x0*80000000 0x0*80000000'
	)"
	rm -f "$scratch"/*.core
	ask high quit >/dev/null
	wait "$guest"
}

# One request a line, each with its answer, whatever came before.
test_hostile()
{
	tap_silent "requests that make no sense are refused, and the next is answered" "$(
		printf '%s\n' '' 'x' '[]' '{"command":1}' '{"command":"fly","id":7}' '{"command"' \
			'{"command":"host-walk"}' '{"command":"host-walk","gpa":"0xg"}' \
			'{"command":"host-walk","gpa":"0xfffffffffffffffff"}' \
			'{"command":"snapshot","path":"relative"}' \
			'{"command":"status","command":"quit"}' \
			'{"command":"host-walk","gpa":18446744073709551616}' \
			'{"command":"host-walk","gpa":-1}' '{"command":"status","id":[1]}' |
			raw web >"$scratch/answers"
		[[ $(grep -c '^{"error":"' "$scratch/answers") == 13 ]] || cat "$scratch/answers"
		grep -q '"error":"there is no command \\"fly\\"","id":7' "$scratch/answers" || echo "no id"
		tail -n 1 "$scratch/answers" | grep -q '"result":.*"id":\[1\]' || cat "$scratch/answers"
	)"
	tap_silent "a line without end ends its connection, not the VM" "$(
		head -c 100000 /dev/zero | tr '\0' a | raw web >/dev/null
		head -c 100000 /dev/zero | tr '\0' '[' | raw web >/dev/null
		ask web status | grep -q '"running"' || echo "no answer"
	)"
	tap_silent "who does not read, or leaves while he holds it, does not stop it" "$(
		timeout 10 python3 - "$(socket web)" <<-'PYTHON'
			import socket, sys, time
			peers = []
			for i in range(12):
			    peer = socket.socket(socket.AF_UNIX)
			    peer.connect(sys.argv[1])
			    peer.setblocking(False)
			    peers.append(peer)
			    try:
			        for _ in range(2000):
			            peer.send(b'{"command":"host-map"}\n{"command":"inspect"}\n{"command":"release"}\n')
			    except OSError:
			        pass
			time.sleep(0.2)
			PYTHON
		wait_for ask web status || echo "no answer"
		ask web status | grep -q '"running"' || ask web status
	)"
}

test_end()
{
	local code

	ask web quit >/dev/null
	wait "$web"
	code=$?
	tap_silent "quit ends it as SIGTERM does, and the socket goes" "$(
		differences "$scratch/web" $code 143 spin.out 'SIGTERM'
		[[ ! -e $(socket web) ]] || echo "the socket is still there"
	)"
	"$VMM" run --name killed --timeout 30 "$GUESTS/spin.elf" </dev/null >/dev/null &
	guest=$!
	wait_for ask killed status
	kill -KILL "$guest"
	wait "$guest" 2>/dev/null
	tap_silent "a socket that a killed VM left is stale, and its name is free" "$(
		[[ -e $(socket killed) ]] || echo "it left none"
		grep -q 'no such VM is running' <<<"$(ask killed status)" || echo "it is not stale"
		run "$scratch/again" run --name killed hello.elf || cat "$scratch/again.err"
		python3 -c 'import socket, sys
socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$(socket left)"
		"$VMM" ps | grep left
		[[ ! -e $(socket left) ]] || echo "vmm ps leaves it"
	)"
	tap_silent "--control none makes no socket" "$(
		run "$scratch/none" run --control none hello.elf || cat "$scratch/none.err"
		ls "$XDG_RUNTIME_DIR/vmm"
	)"
}

test_usage()
{
	local command

	for command in ps ctl snapshot; do
		tap_silent "vmm $command --help explains it" "$(
			run "$scratch/help" $command --help || echo "exit code $?"
			difference "$scratch/help.out" "^Usage: vmm $command"
		)"
	done
	tap_silent "bad use is one sentence" "$(
		for command in "ps x" "ctl" "ctl web" "ctl web fly" "ctl web host-walk" \
			"ctl web host-walk x" "ctl web status now" "ctl a,b status" \
			"ctl absent status" "snapshot" "snapshot web" "snapshot absent f"; do
			# shellcheck disable=SC2086 # plain words
			run "$scratch/bad" $command
			differences "$scratch/bad" $? 125 - "^vmm ${command%% *}: "
			[[ $(wc -l <"$scratch/bad.err") == 1 ]] || cat "$scratch/bad.err"
		done
	)"
}

test_found
test_paused
test_snapshot
test_hostile
test_end
test_usage
