# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# The table of guests: what each prints, and how it ends. Columns as boot() in lib.sh takes them:
#
#    name                  code  standard output          standard error, then options and image

module=tests/boot/expected/spin.out # any file will do

# The guest's own code.
boot hello                 0 hello.out              - hello.elf
boot hello_irqchip         0 hello.out              - --irqchip hello.elf
boot hello_no_serial       0 hello.out              - --serial none hello.elf
boot boot_info             0 boot_info.re           - boot_info.elf
boot boot_info_16m         0 boot_info.re           - --mem 16M boot_info.elf
boot boot_info_above_4g    0 boot_info_5g.re        - --mem 5G boot_info.elf
boot boot_info_initrd      0 boot_info_initrd.re    - --initrd $module boot_info.elf
boot exit_code             7 -                      'code 7$' exit_code.elf
boot exit_code_0           0 -                      - exit_code.elf -- 0
boot exit_code_42         42 -                      'code 42$' exit_code.elf -- 42
boot exit_code_119       119 -                      'code 119$' exit_code.elf -- 119
boot exit_code_120       119 -                      'code 120$' exit_code.elf -- 120
boot exit_code_largest   119 -                      'code 4294967295$' exit_code.elf -- 4294967295
boot cmdline              42 -                      'code 42$' --cmdline 42 exit_code.elf
boot qemu_exit_0           1 -                      - --qemu-exit exit_code.elf -- 0
boot qemu_exit_7          15 -                      'code 7$' --qemu-exit exit_code.elf
boot qemu_exit_127       255 -                      'code 127$' --qemu-exit exit_code.elf -- 127

# Page control.
boot map_unmap_protect     0 map_unmap_protect.re   - map_unmap_protect.elf
boot map_unmap_protect_1g  0 map_unmap_protect_1g.out - --mem 3G map_unmap_protect.elf
boot split                 0 split.re               - split.elf
boot split_1g              0 split_1g.out           - --mem 3G split.elf
boot page_errors           0 page_errors.out        - page_errors.elf
boot host_pages            0 host_pages.out         - host_pages.elf
boot ring3                 0 ring3.out              - ring3.elf

# The engine inside the guest. Few runs: each takes seconds where ring 0 is emulated.
REPEAT=2 boot own_tables   0 own_tables.re          - own_tables.elf
REPEAT=2 boot own_tables_1g 0 own_tables_1g.out     - --mem 3G own_tables.elf
REPEAT=2 boot own_tables_5 0 own_tables_1g.out      - --mem 3G own_tables.elf -- 5

# The guest's own exceptions.
boot null                100 null.re                'code 100$' null.elf
boot stack_guard         100 stack_guard.re         'code 100$' stack_guard.elf
boot panic               101 panic.out              'code 101$' exit_code.elf -- x

# Every other ending.
boot triple_fault        120 triple_fault.out       '^vmm run: triple fault' triple_fault.elf
boot hole                122 hole.re                'violation: read .*GPA 0x[1-9]' hole.elf
boot hole_ring3          122 hole_ring3.re          'memory violation' hole_ring3.elf
boot readonly            122 readonly.re            'violation: write .*GPA 0x[1-9]' readonly.elf
boot bad_request         122 bad_request.out        'violation: .*0x1000020' bad_request.elf
boot unknown_memory      122 unknown_memory.out     'violation: write of 4 bytes .*0xe0000000' \
	--mode protected raw_unknown_memory.bin
boot unknown_memory_open   0 unknown_memory_open.out - \
	--open-bus --mode protected raw_unknown_memory.bin
boot unknown_port        123 unknown_port.out       'unhandled exit.*0x5550' unknown_port.elf
boot unknown_port_open     0 unknown_port_open.out  - --open-bus unknown_port.elf
REPEAT=2 boot spin       124 spin.out               'timeout' --timeout 1 spin.elf
boot halt                126 halt.out               'halted for ever' halt.elf
boot halt_irqchip        126 halt.out               'halted for ever' --irqchip halt.elf

# Images of other kinds.
boot multiboot_hello       0 multiboot_hello.out    - multiboot_hello.elf -- one two
boot multiboot_module      0 multiboot_module.out   - --initrd $module multiboot_hello.elf
boot multiboot_above_4g    0 multiboot_5g.out       - --mem 5G multiboot_hello.elf
boot multiboot_paging      0 multiboot_paging.out   - multiboot_paging.elf -- long
boot raw_hello             0 raw_hello.out          - raw_hello.bin
boot raw_hello_elsewhere   0 raw_hello.out          - --load 0x200000 raw_hello.bin
boot raw_real              0 raw_real.out           - --mode real raw_real.bin
boot raw_real_elsewhere    0 raw_real.out           - --mode real --load 0x28000 raw_real.bin
