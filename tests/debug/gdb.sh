# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# gdb's sessions with guests. Each is a script, and what must be said, in this order.

# The rest of a session: $1 its name here, $2 what is tested, $3 the exit code of the guest, $4 that
# it had, then what gdb must have said.
said()
{
	local name=$scratch/$1 what=$2 want=$3 code=$4
	shift 4

	tap_silent "$what" "$(
		[[ $code == "$want" ]] || echo "exit code $code, not $want"
		missing_in_order "$name.gdb" "$@"
	)"
}

test_break()
{
	session "$scratch/break" split.elf split.elf <<-'END'
		print $rip == (long)_start
		print/x $efer
		break guest_main
		continue
		backtrace
		hbreak check
		continue
		finish
		info breakpoints
		delete
		stepi
		step
		info threads
		tbreak check_result
		continue
		continue
	END
	said break "breakpoints by symbol, backtraces, finish and steps" 0 $? '= 1$' '= 0xd00$' \
		'^Breakpoint 1, guest_main \(\)' '#0 +guest_main' '#1 .*guest_start' '#2 .*_start' \
		'^Hardware assisted breakpoint 2' '^Breakpoint 2, check \(' 'Value returned is .* true' \
		'breakpoint already hit 1 time' 'Thread 1 \(vCPU 0\)' \
		'^Temporary breakpoint 3, check_result' 'exited normally'
	tap_silent "the guest notices nothing" \
		"$(differences "$scratch/break" 0 0 split.re -)"
}

test_registers()
{
	session "$scratch/registers" hello.elf hello.elf <<-'END'
		info registers cr0 cr3 cr4 efer cs eflags
		print $fs_base + $gs_base + $k_gs_base + $cr2 + $cr8
		set $rax = 0x123456789abcdef0
		print/x $rax
		print/x $eax
		set $xmm3.uint128 = 77
		print $xmm3.uint128
		set $fs_base = 0xffff800000001000
		print/x $fs_base
		set $cs = 0x1234
		print/x $cs
		print $st0
		print/x $fctrl
		monitor info registers
		set $rip = 0x400010
		print $rip
		kill
	END
	said registers "registers with the names and flags of QEMU's description" 137 $? \
		'^cr0 .*0x80010031 +\[ PE ET NE WP PG \]' '^cr3 .*0x7f00000 ' '^cr4 .*\[ PAE \]' \
		'^efer .*0xd00 +\[ LME LMA NXE \]' '^cs +0x8 ' '^eflags +0x2 ' '= 0$' \
		'= 0x123456789abcdef0$' '= 0x9abcdef0$' '= 77$' '= 0xffff800000001000$' '= 0x8$' \
		'^.*CR3=0000000007f00000' '0x400010' 'killed'
}

test_memory()
{
	session "$scratch/memory" hello.elf hello.elf <<-'END'
		x/2xb _start
		x/1xb 0
		x/1xb 0x123400000000
		x/1xb 0x1234000000000000
		maintenance packet Qqemu.PhyMemMode:1
		maintenance packet qqemu.PhyMemMode
		x/1xg $cr3
		x/1xb 0
		x/1xb 0x10000000
		x/1xb 0xfffffffffffff000
		maintenance packet Qqemu.PhyMemMode:0
		maintenance packet Qqemu.PhyMemMode:2
		set {char}_start = 0x90
		x/1xb _start
		set {char}_start = 0xe8
		monitor gva2gpa 0x400010
		monitor gva2gpa 0
		monitor gpa2hva 0x10000000
		monitor gpa2hva x
		dump binary memory text.bin 0x400000 0x403000
		restore text.bin binary 0x400000
		compare-sections
		detach
	END
	said memory "memory by the guest's tables and by GPA" 0 $? '<_start>:.0xe8' \
		'Cannot access memory at address 0x0' 'Cannot access' 'Cannot access' \
		'received: "OK"' 'received: "1"' '0x7f00000:.0x0*7f01027' '0x0:' \
		'Cannot access' 'Cannot access' 'received: "OK"' 'received: "E16"' '<_start>:.0x90' \
		'^.*gpa: 0x400010' '^.*Unmapped' 'No memory is mapped at address 0x10000000' \
		'x: not an address' 'Section .text, .*: matched' 'detached'
}

test_watch()
{
	session "$scratch/watch" ring3.elf ring3.elf <<-'END'
		watch user_kernel_rsp
		continue
		print user_kernel_rsp != 0
		delete
		hbreak *0x10000000000
		continue
		delete
		detach
	END
	said watch "a watchpoint says what was written, and where" 0 $? \
		'^Hardware watchpoint 1: user_kernel_rsp' 'Old value = 0' 'New value = ' 'user_enter' \
		'= 1$' '0x10000000000|exited normally' 'detached|not being run'
	# Where ring 0 is emulated, gdb is told that ring 3 is out of sight.
	tap_silent "a breakpoint in ring 3 stops, or gdb is told that it cannot" "$(
		grep -qE '^(Breakpoint 2, 0x0000010000000000|vmm: this KVM reports no breakpoint)' \
			"$scratch/watch.gdb" || cat "$scratch/watch.gdb"
	)"
}

# Ctrl-C for gdb is SIGINT; the guest's own timeout still ends it.
test_interrupt()
{
	local code

	guest_start "$scratch/interrupt" --timeout 30 --gdb "unix:$scratch/gdb.sock" spin.elf
	wait_for grep spinning "$scratch/interrupt.out"
	gdb_run "$scratch/interrupt" <<-END
		set confirm off
		file $GUESTS/spin.elf
		target remote $scratch/gdb.sock
		print "connected"
		python
		import os, signal, threading
		threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGINT)).start()
		end
		continue
		info symbol \$pc
		monitor pt stat
		kill
	END
	wait "$guest"
	code=$?
	said interrupt "a guest that runs is stopped by connecting, and by Ctrl-C" 137 $code \
		'connected' 'Program received signal SIGINT' 'guest_main' '4K' 'killed'
}

# A port is taken on the loopback address only; one that is taken already is refused.
test_port()
{
	local port=$((20000 + $$ % 20000)) code

	guest_start "$scratch/port" --timeout 30 --gdb "$port" --wait hello.elf
	wait_for grep -qi ":$(printf '%04X' "$port") 00000000:0000 0A" /proc/net/tcp
	tap_silent "--gdb PORT listens on 127.0.0.1, and to nobody else" "$(
		grep -i ":$(printf '%04X' "$port") 00000000:0000 0A" /proc/net/tcp >"$scratch/listens"
		missing_in_order "$scratch/listens" ' 0100007F:'
		run "$scratch/taken" run --gdb "$port" hello.elf
		differences "$scratch/taken" $? 125 - 'Address already in use'
	)"
	gdb_run "$scratch/port" <<-END
		set confirm off
		target remote localhost:$port
		print/x \$cr3
		detach
	END
	wait "$guest"
	code=$?
	said port "and lets gdb in" 0 $code '= 0x7f00000' 'detached'
}

# What is left of a session that was cut: the guest runs on, without its breakpoints.
test_gone()
{
	session "$scratch/gone" split.elf split.elf <<-'END'
		set breakpoint always-inserted on
		break check
		watch user_end
		python import os, signal; os.kill(os.getpid(), signal.SIGKILL)
	END
	tap_silent "when gdb is gone, so are its breakpoints" \
		"$(differences "$scratch/gone" $? 0 split.re -)"
}

test_deaths()
{
	session "$scratch/triple" triple_fault.elf triple_fault.elf <<-'END'
		continue
		x/i $pc
		continue
	END
	said triple "a triple fault stops in gdb, with its sentence" 120 $? \
		'^vmm: triple fault: ' 'SIGSEGV' 'ud2' 'exited with code 0170'
	session "$scratch/violation" readonly.elf readonly.elf <<-'END'
		continue
		monitor host-walk 0x100000
		monitor pt walk 0xffff800000100000
		detach
	END
	said violation "a memory violation, too" 122 $? '^vmm: memory violation: ' 'SIGSEGV' \
		'r---' 'GPA 0x100000' 'detached'
	session "$scratch/halt" halt.elf halt.elf <<-'END'
		continue
		kill
	END
	said halt "and a guest that halts for ever" 126 $? '^vmm: halted for ever' 'killed'
	session "$scratch/code" exit_code.elf exit_code.elf <<-'END'
		continue
	END
	said code "the guest's own code is gdb's exit code" 7 $? 'exited with code 07'
}

# Neither table changes by a breakpoint, not even on pages that the guest may not write.
test_rights()
{
	session "$scratch/rights" map_unmap_protect.elf map_unmap_protect.elf <<-'END'
		hbreak guest_main
		continue
		monitor pt dump --flat --format tsv
		print "between"
		set breakpoint always-inserted on
		break check
		break page_map
		watch failed
		monitor pt dump --flat --format tsv
		monitor pt host
		disable
		set breakpoint always-inserted off
		print "end"
		detach
	END
	local code=$?

	tap_silent "breakpoints leave the rights of both tables as they are" "$(
		[[ $code == 0 ]] || echo "exit code $code"
		grep -aE '^0x[0-9a-f]+	' "$scratch/rights.gdb" >"$scratch/leaves"
		count=$(wc -l <"$scratch/leaves")
		((count > 100 && count % 2 == 0)) || echo "$count leaves"
		cmp <(head -n $((count / 2)) "$scratch/leaves") \
			<(tail -n $((count / 2)) "$scratch/leaves")
		missing_in_order "$scratch/rights.gdb" ' 128M .*rwx'
		differences "$scratch/rights" $code 0 map_unmap_protect.re -
	)"
}

test_monitor()
{
	session "$scratch/monitor" hello.elf hello.elf <<-'END'
		monitor help
		monitor info mem
		monitor info tlb
		monitor info mtree -f
		maintenance packet Qqemu.sstepbits
		monitor pt dump w
		monitor pt audit
		monitor pt dump --raw /etc/passwd
		monitor pt diff /etc/passwd
		monitor pt
		monitor fly
		monitor
		detach
	END
	said monitor "monitor commands" 0 $? 'info mem' \
		'0000000000400000-0000000000403000 0000000000003000 -r-' \
		'0000000000400000: 0000000000400000 ----A----' \
		'^  0000000000000000-0000000007ffffff \(prio 0, ram\): ram' 'ENABLE=1,NOIRQ=2' '^.*CR3 0x7f00000' 'rw--' \
		'nothing found' 'pt: --vm' 'pt: it is pt dump' 'pt: it is pt dump' \
		'fly: no such command' 'detached'
}

# Modes without 64-bit code: what gdb gets is still the 64-bit set.
test_modes()
{
	session "$scratch/multiboot" multiboot_hello.elf hello.elf <<-'END'
		print/x $rax
		print/x $cr0 & 0x80000001
		print $start = $rip
		x/1xw 0x100000
		stepi
		print $rip > $start
		detach
	END
	said multiboot "a guest in protected mode" 0 $? '= 0x2badb002' '= 0x1$' '0x100000:.0x1badb002' '= 1$' 'detached'
	session "$scratch/real" "--mode real raw_real.bin" hello.elf <<-'END'
		print/x $rip
		print/x $cr0
		set $ds = 0x123
		print/x $ds
		set $ds = 0
		x/1xb 0x7c00
		detach
	END
	said real "and one in real mode" 0 $? '= 0x7c00' '= 0x10$' '= 0x123' '0x7c00' 'detached'
}

# Bytes that no gdb sends.
test_hostile()
{
	local packet='$g#67'

	guest_start "$scratch/hostile" --timeout 30 --gdb "unix:$scratch/gdb.sock" --wait spin.elf
	wait_for test -S "$scratch/gdb.sock"
	timeout 20 python3 - "$scratch/gdb.sock" "$scratch/answers" <<-'PYTHON'
		import random, socket, sys, time
		def packet(data):
		    return b'$' + data + b'#%02x' % (sum(data) & 255)
		def connect():
		    while True:
		        peer = socket.socket(socket.AF_UNIX)
		        try:
		            peer.connect(sys.argv[1])
		            peer.settimeout(5)
		            return peer
		        except BlockingIOError:
		            time.sleep(0.01)
		random.seed(1)
		letters = b'gGpPmMxXzZHTvqQ?;:,=-0123456789abcdef#$}*\x00\xff'
		for round in range(40):
		    peer = connect()
		    data = [packet(bytes(random.choice(letters) for _ in range(random.randrange(30)))
		                   .replace(b'$', b'').replace(b'#', b'').replace(b'}', b''))
		            for _ in range(50)]
		    data += [b'$' + b'a' * 40000 + b'#00', b'$#', b'$}', b'-', b'+', b'\x03']
		    try:
		        peer.sendall(b''.join(p for p in data if p[1:2] not in b'kDcsCSv'))
		    except OSError:
		        pass
		    peer.close()
		text = b''
		while text.count(b'#') < 1: # the one before may not have gone yet
		    peer = connect()
		    try:
		        peer.sendall(b'$g#00' + packet(b'?'))
		        text = peer.recv(4096)
		    except OSError:
		        time.sleep(0.01)
		open(sys.argv[2], 'wb').write(text + b'\n')
		peer.sendall(b'+' + packet(b'vKill;1'))
	PYTHON
	wait "$guest"
	local code=$?
	[[ -e $scratch/answers ]] || echo >"$scratch/answers"
	tap_silent "hostile packets: the VM lives, and the next gdb is served" "$(
		[[ $code == 137 ]] || echo "exit code $code: $(cat "$scratch/hostile.err")"
		grep -qF -- '-+$T05thread:01;#' "$scratch/answers" || cat "$scratch/answers"
	)"
}

test_gdb_usage()
{
	refused "--gdb of no port" "" run --gdb x hello.elf
	refused "--gdb of port 0" "" run --gdb 0 hello.elf
	refused "--gdb of a port too high" "" run --gdb 65536 hello.elf
	refused "--gdb unix: of no path" "" run --gdb unix: hello.elf
	refused "--gdb over a file" "in use" run --gdb "unix:$scratch/break.gdb" hello.elf
	refused "--wait without --gdb" "" run --wait hello.elf
}

test_break
test_registers
test_memory
test_watch
test_interrupt
test_port
test_gone
test_deaths
test_rights
test_monitor
test_modes
test_hostile
test_gdb_usage
