# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What takes more than a row of the table: bytes, signals, files, statistics, refusals, images built
# by others.

# Every byte but the one that ends the guest comes back, and no other.
test_echo()
{
	local wrong

	printf '%b' "$(printf '\\0%03o' {0..3} {5..255} {255..5})" >"$scratch/bytes"
	{
		cat "$scratch/bytes"
		printf '\4'
	} >"$scratch/input"
	INPUT=$scratch/input run "$scratch/echo" run echo.elf
	wrong=$(
		differences "$scratch/echo" $? 0 "" -
		cmp "$scratch/bytes" "$scratch/echo.out" 2>&1
	)
	tap_silent "standard input comes back byte for byte" "$wrong"
}

# Ended by a signal while the guest runs: $1 signal, $2 exit code.
test_signal()
{
	local output=$scratch/signal pid

	"$VMM" run --timeout "$RUN_SECONDS" "$GUESTS/spin.elf" >"$output.out" 2>"$output.err" \
		</dev/null &
	pid=$!
	until grep -qs spinning "$output.out" || ! kill -0 $pid 2>/dev/null; do
		sleep 0.02
	done
	kill -s "$1" $pid
	wait $pid
	tap_silent "SIG$1 ends the run" "$(differences "$output" $? "$2" spin.out signal)"
}

test_serial_file()
{
	local output=$scratch/serial

	run "$output" run --serial "$scratch/file" raw_hello.bin
	tap_silent "--serial FILE leaves the debug console alone" \
		"$(differences "$output" $? 0 raw_hello.out -)"
	run "$output" run --serial "$scratch/file" triple_fault.elf
	tap_silent "--serial FILE takes what the serial port sends" "$(
		differences "$output" $? 120 - 'triple fault'
		difference "$scratch/file" triple_fault.out
	)"
}

test_output_error()
{
	local output=$scratch/full

	: >"$output.out"
	"$VMM" run "$GUESTS/hello.elf" >/dev/full 2>"$output.err" </dev/null
	tap_silent "output that cannot be written is a host failure" \
		"$(differences "$output" $? 125 - 'No space left')"
}

# A guest whose command line is the seed of a random sequence: $1 name, $2 image, $3 seeds, then
# options. A guest that spoils the tables that the VMM built for it may harm itself only.
test_seeds()
{
	local name=$1 image=$2 end=$3 seed wrong=""
	shift 3

	for ((seed = 0; seed < end; seed++)); do
		run "$scratch/seed" run "$@" "$image" -- "$seed"
		wrong=$(differences "$scratch/seed" $? 0 "^SUCCESS$" -)
		[[ -z $wrong ]] || break
	done
	tap_silent "$name" "${wrong:+seed $seed: $wrong}"
}

test_stats()
{
	local output=$scratch/stats

	run "$output" run --stats=json hello.elf
	tap_silent "--stats=json is one JSON object" "$(
		differences "$output" $? 0 hello.out ""
		is_json_object <"$output.err" || cat "$output.err"
	)"
	run "$output" run --stats hello.elf
	tap_silent "--stats leaves standard output alone" \
		"$(differences "$output" $? 0 hello.out 'exits')"
}

test_refusals()
{
	local length

	refused "no subcommand" ""
	refused "unknown subcommand" "" walk
	refused "no image" "" run
	refused "no image, but arguments" "" run -- image
	refused "two images" "" run hello.elf hello.elf
	refused "unknown option" "" run --unknown hello.elf
	refused "option without its value" "" run hello.elf --mem
	refused "--mem of nothing" "" run --mem 0 hello.elf
	refused "--mem of no number" "" run --mem much hello.elf
	refused "--mem with a unit unknown" "" run --mem 12Q hello.elf
	refused "--mem that is negative" "" run --mem -1M hello.elf
	refused "--mem beyond 64 bits" "" run --mem 99999999999999999999 hello.elf
	refused "--mem beyond 64 bits by its unit" "" run --mem 17179869184G hello.elf
	refused "--mem too small for the image" "" run --mem 1M hello.elf
	refused "--timeout of no number" "" run --timeout soon hello.elf
	refused "--timeout that is negative" "" run --timeout -1 hello.elf
	refused "--mode unknown" "" run --mode wide raw_hello.bin
	refused "--load beyond RAM" "" run --load 0x40000000 raw_hello.bin
	refused "--load that overflows" "" run --load 0xfffffffffffff000 raw_hello.bin
	refused "--entry outside of the image" "" run --entry 0x8000000 raw_hello.bin
	refused "--serial to a folder" "" run --serial "$scratch" hello.elf
	refused "--initrd that is absent" "" run --initrd "$scratch/absent" hello.elf
	refused "image that is absent" "No such file" run "$scratch/absent"
	refused "image that is a folder" "" run "$scratch"
	refused "image that is empty" "" run /dev/null
	for length in 4 16 63 64 100 231 4096; do
		head -c "$length" "$GUESTS/hello.elf" >"$scratch/cut.elf"
		refused "image cut after $length bytes" "" run "$scratch/cut.elf"
	done
}

# Images that were not made for this VMM. They ask the module for what fw_cfg would tell on a PC.
test_kvm_unit_tests()
{
	local name

	printf 'NR_CPUS=1\nMEMSIZE=128\n' >"$scratch/environment"
	for name in dummy setjmp; do
		if [[ -z ${KVM_UNIT_TESTS-} ]]; then
			tap_silent "kvm-unit-tests $name # SKIP KVM_UNIT_TESTS is not set" ""
			continue
		fi
		run "$scratch/kut" run --qemu-exit --initrd "$scratch/environment" \
			"$KVM_UNIT_TESTS/$name.flat"
		tap_silent "kvm-unit-tests $name" "$(differences "$scratch/kut" $? 1 "" -)"
	done
}

test_echo
test_signal TERM 143
test_signal INT 130
test_serial_file
test_output_error
test_seeds "random changes of a guest's table" random_pages.elf 5 --audit
test_seeds "a guest spoils its page tables" hostile_tables.elf 40
test_stats
test_refusals
test_kvm_unit_tests
