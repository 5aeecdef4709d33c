# SPDX-License-Identifier: MIT
#
# Builds the program, the guests and the tests; `make help` says what there is.
#
# Every configuration (compiler, DEBUG, SAN) has a folder of its own under O, so that none ever sees
# the objects of another. A source file appears in the build by being in the right folder:
#
#   mm/*.c              the engine: freestanding C11             -> libmm.a
#   mm/host/*.c         what the engine needs from a host        -> libmm.a
#   ept/*.c             guest-physical memory                    -> libept.a
#   vmm/*.c             the program (all but main.c: libvmm.a)   -> vmm
#   tests/model/*.c     the engine's specification, linked with the engine built for tiny nodes
#   tests/sched/*.c     every schedule of small scenarios, with the engine instrumented
#   tests/unit/test_*.c one cmocka program each; the other files there are linked into all of them
#   guests/NAME/        one guest image each: see "Guests" below

VERSION := 0.1.0

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:

## CC=gcc|clang                 the compiler
## DEBUG=1                      no optimisation, MM_DEBUG=1 defined
## SAN=address,undefined|thread sanitizers, for everything but guests
## O=FOLDER                     where to build (build)
## V=1                          print each command
## CFLAGS=, LDFLAGS=            added to the host's flags
O ?= build
ifeq ($(origin CC),default)
CC := gcc
endif

comma := ,
empty :=
space := $(empty) $(empty)
compiler := $(filter-out gcc,$(notdir $(CC)))
debug := $(filter-out 0,$(DEBUG))
config := $(compiler) $(if $(debug),debug) $(if $(SAN),san-$(subst $(comma),-,$(SAN)))
config := $(subst $(space),-,$(strip $(config)))

# Where this configuration is built, and where its guests are: those only know a compiler.
B := $(O)$(if $(config),/$(config))
GUEST_B := $(O)$(if $(compiler),/$(compiler))

# Flags

WARNINGS := -Wall -Wextra -Wshadow -Wpointer-arith -Wcast-qual -Wstrict-prototypes \
	-Wmissing-prototypes -Wwrite-strings -Werror
COMMON := -std=c11 $(WARNINGS) -I.
OPTIMISE := $(if $(debug),-O0 -g3 -DMM_DEBUG=1,-O2 -g)
SANITIZE := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)
HOST := $(COMMON) $(OPTIMISE) $(SANITIZE) -pthread
FREESTANDING := $(HOST) -ffreestanding
HOSTED := $(HOST) -D_GNU_SOURCE
GUEST := $(COMMON) -O2 -g -ffreestanding -fno-pie -mno-red-zone -mgeneral-regs-only \
	-fno-stack-protector -fno-asynchronous-unwind-tables
GUEST_LINK := -static -nostdlib -Wl,--build-id=none -z noexecstack
LIBRARIES := -lurcu-memb -ljansson -lpthread -lm

# What there is

# The object files of the sources $1, under the folder $2.
objects = $(patsubst %,$2/obj/%.o,$1)
host_objects = $(call objects,$(wildcard $1),$B)

MM_OBJECTS := $(call host_objects,mm/*.c mm/host/*.c)
EPT_OBJECTS := $(call host_objects,ept/*.c)
VMM_OBJECTS := $(call host_objects,vmm/*.c)
VMM_MAIN := $(filter %/vmm/main.c.o,$(VMM_OBJECTS))
TEST_OBJECTS := $(call host_objects,tests/unit/*.c)
TEST_MAINS := $(filter $B/obj/tests/unit/test_%,$(TEST_OBJECTS))
BENCH_OBJECTS := $(call host_objects,bench/*.c)
HOST_OBJECTS := $(MM_OBJECTS) $(EPT_OBJECTS) $(VMM_OBJECTS) $(TEST_OBJECTS) $(BENCH_OBJECTS)

# The engine and its model, by the index bits of a level: see tests/model.
MODEL_BITS := 1 2 9
MODEL_MAINS := trace explore sabotage
MODEL_COMMON := $(wildcard mm/*.c) $(filter-out %/fuzz_step.c \
	$(MODEL_MAINS:%=tests/model/%.c),$(wildcard tests/model/*.c))
MODEL_SOURCES := $(MODEL_COMMON) $(MODEL_MAINS:%=tests/model/%.c)
MODEL_OBJECTS := $(foreach bits,$(MODEL_BITS),$(call objects,$(MODEL_SOURCES),$B/model/$(bits)))
MODELS := $(foreach bits,$(MODEL_BITS),$(MODEL_MAINS:%=$B/model/$(bits)/%))

# The engine under a scheduler of its own, see tests/sched/sched.h; that of another folder if
# SCHED_ENGINE says so, whose name is then its place in the build, too.
SCHED_ENGINE ?= .
SCHED_B := $B/sched$(if $(filter-out .,$(SCHED_ENGINE)),/engines/$(notdir $(SCHED_ENGINE)))
SCHED_OBJECTS := $(call objects,$(wildcard mm/*.c tests/sched/*.c),$(SCHED_B))
SCHED := $(SCHED_B)/sched

LIBS := $B/libvmm.a $B/libept.a $B/libmm.a
VMM := $(if $(VMM_MAIN),$B/vmm)
TESTS := $(TEST_MAINS:$B/obj/tests/unit/%.c.o=$B/tests/%)
BENCHES := $B/bench/boot $B/bench/mm $B/bench/pt

GUEST_SOURCES := $(wildcard guests/*/*.c guests/*/*.S)
GUEST_MM := $(patsubst %,guests/%,$(wildcard mm/*.c))
GUEST_OBJECTS := $(call objects,$(GUEST_SOURCES),$(GUEST_B))
GUEST_MM_OBJECTS := $(call objects,$(GUEST_MM),$(GUEST_B))
GUEST_NAMES := $(filter-out lib,$(sort $(patsubst guests/%/,%,$(dir $(GUEST_SOURCES)))))
RAW_NAMES := $(filter raw_%,$(GUEST_NAMES))
GUESTS := $(RAW_NAMES:%=$(GUEST_B)/guests/%.bin) \
	$(patsubst %,$(GUEST_B)/guests/%.elf,$(filter-out $(RAW_NAMES),$(GUEST_NAMES)))

# Targets

.PHONY: all tests help deps demo check check-unit check-boot check-debug check-pt check-picture \
	check-headers check-san check-clang check-docs check-format prove prove-quick prove-mutants \
	coverage mutants fuzz-image fuzz-walk fuzz-core bench-boot bench-boot-json bench-mm \
	bench-mm-json bench-mm-instr bench-pt docs docs-measured docs-pictures format clean

.PHONY: check-deep model check-model check-model-deep fuzz-model sched check-sched check-sched-deep

all: $(VMM) $(GUESTS) ## the program and the guests (default)
	@:
tests: $(TESTS) ## the unit tests, without running them
	@:
model: $(MODELS) ## the engine's model, without running it
	@:

sched: $(SCHED) ## the engine under a scheduler of its own, without running it
	@:

help: ## this list
	@echo 'Targets:'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile | \
		while IFS='|' read -r name text; do printf '  %-17s%s\n' "$$name" "$$text"; done
	@echo 'Variables:'
	@sed -n 's/^## /  /p' Makefile

deps: ## install the Debian packages that are missing
	@scripts/deps

# A make that runs jobs in parallel whether it was asked to or not.
parallel = $(MAKE) --no-print-directory \
	$(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))

demo: ## boot a guest and show its page tables; does all set-up
	@scripts/deps build
	+@$(parallel) all
	@VMM=$(VMM) GUESTS=$(GUEST_B)/guests scripts/demo

# The flags go to the checks by the environment, so that they have one home.
CHECK := MAKE='$(MAKE)' SEED='$(SEED)' OPS='$(OPS)' CC='$(CC)' FREESTANDING='$(FREESTANDING)' HOSTED='$(HOSTED)' \
	GUEST='$(GUEST)' tests/run

check: ## the whole test suite; does all set-up
	@scripts/deps build check
	@$(CHECK) build unit model sched boot debug pt picture headers freestanding layers format proof san clang
check-unit: ## the unit tests
	@$(CHECK) build unit
check-model: ## the engine against its model: SEED=, OPS=, or a trace REPLAY=FILE MODEL_BITS=
	+@$(if $(REPLAY),$(parallel) $B/model/replay && $B/model/replay,$(CHECK) model)
check-model-deep: ## the same for many minutes
	@$(CHECK) model-deep
check-sched: ## schedules of threads in the engine, in bounded form
	@$(CHECK) sched
check-deep: check-model-deep check-sched-deep ## the long forms of both, for hours
check-sched-deep: ## the same at length; and bugs put into the engine are found
	@$(CHECK) sched-deep
check-boot: ## the guests, on a real /dev/kvm
	@$(CHECK) build boot
check-debug: ## control sockets, snapshots, and gdb's sessions with guests
	@$(CHECK) build debug
check-picture: ## the pictures of vmm pt, in headless Chromium
	@scripts/deps browser
	@$(CHECK) build picture
check-pt: ## vmm pt, against QEMU's monitor
	@$(CHECK) build pt
check-headers: ## each header compiles alone; mm is freestanding; no include points upwards
	@$(CHECK) headers freestanding layers
check-san: ## unit and boot tests under sanitizers
	@$(CHECK) san
check-clang: ## everything built by clang, and its unit tests
	@$(CHECK) clang
check-docs: all model ## README.md and docs/ show what the program prints on this host
	@$(CHECK) docs
check-format: ## the sources are as clang-format writes them
	@$(CHECK) format

# Proofs of the engine's code (tests/proof). scripts/prover finds the prover, or fetches it.
PROVE := O='$(O)' tests/proof/run

prove: ## prove the engine's code, harness by harness; prove-NAME for one
	@$(PROVE)
prove-quick: ## the proofs that are part of `make check`
	@$(CHECK) proof
prove-mutants: ## put a bug in for each proof, and see that the proof fails
	@$(PROVE) --bugs
prove-%:
	@$(PROVE) $*

coverage: ## lines and branches of mm/ that the unit tests run; does all set-up
	@scripts/deps build check coverage
	@O='$(O)' MAKE='$(MAKE)' scripts/coverage
mutants: ## break the engine in each of many ways, and see that a check notices each
	@scripts/deps build check
	@O='$(O)' MAKE='$(MAKE)' tests/mutants/run

fuzz-image: ## parse random images under sanitizers for FUZZ_SECONDS (60); does all set-up
	@scripts/deps build fuzz
	+@$(parallel) $(O)/fuzz/fuzz_image
	@mkdir -p $(O)/fuzz/images
	$(O)/fuzz/fuzz_image -max_len=4096 -max_total_time=$(FUZZ_SECONDS) \
		-artifact_prefix=$(O)/fuzz/ $(O)/fuzz/images

fuzz-walk: ## walk random page tables under sanitizers for FUZZ_SECONDS; does all set-up
	@scripts/deps build fuzz
	+@$(parallel) $(O)/fuzz/fuzz_walk
	@mkdir -p $(O)/fuzz/tables
	$(O)/fuzz/fuzz_walk -max_len=4104 -timeout=10 -max_total_time=$(FUZZ_SECONDS) \
		-artifact_prefix=$(O)/fuzz/ $(O)/fuzz/tables

fuzz-core: ## open random core files likewise
	@scripts/deps build fuzz
	+@$(parallel) $(O)/fuzz/fuzz_core
	@mkdir -p $(O)/fuzz/cores
	$(O)/fuzz/fuzz_core -max_len=65536 -timeout=10 -max_total_time=$(FUZZ_SECONDS) \
		-artifact_prefix=$(O)/fuzz/ $(O)/fuzz/cores

fuzz-model: ## the engine against its model, by random bytes for FUZZ_SECONDS; does all set-up
	@scripts/deps build fuzz
	+@$(parallel) $(O)/fuzz/fuzz_model
	@mkdir -p $(O)/fuzz/traces
	$(O)/fuzz/fuzz_model -max_len=4000 -max_total_time=$(FUZZ_SECONDS) \
		-artifact_prefix=$(O)/fuzz/ $(O)/fuzz/traces

bench-boot: ## time from launch to exit, against true and QEMU
	+@$(parallel) all $B/bench/boot
	@VMM=$(VMM) GUESTS=$(GUEST_B)/guests BENCH=$B/bench/boot bench/boot
bench-boot-json: ## the same, one JSON object a line
	+@$(parallel) all $B/bench/boot >&2
	@VMM=$(VMM) GUESTS=$(GUEST_B)/guests BENCH=$B/bench/boot bench/boot --json

bench-mm: $B/bench/mm ## time of the engine's operations, against hand-written loops
	@BENCH=$< bench/mm
bench-mm-json: ## the same with instructions, one JSON object a line
	@scripts/deps bench >&2
	+@$(parallel) $B/bench/mm >&2
	@BENCH=$B/bench/mm bench/mm --json
bench-mm-instr: $B/bench/mm ## instructions of the engine's operations, by callgrind
	@scripts/deps bench
	@BENCH=$< bench/mm --instr

bench-pt: $B/bench/pt ## speed of vmm pt on large tables, against limits
	@$<

docs: all model ## run the commands that README.md and docs/ show, and put in what they print
	@scripts/docs
docs-pictures: all ## the pictures of the docs, from real runs
	@scripts/deps browser
	@VMM=$(VMM) GUESTS=$(GUEST_B)/guests scripts/pictures
docs-measured: $B/bench/mm $B/bench/pt ## the same for what is measured, on this machine
	@scripts/docs --measure
format: ## let clang-format rewrite the sources
	clang-format -i $$(scripts/sources)

clean: ## remove all that was built
	rm -rf $O

# The value of a variable, for scripts: make -s print-VMM
print-%:
	@echo '$($*)'

# Rules

# One short line for each command; the command itself with V=1, and nothing with -s.
Q := $(if $(V),,@)
silent = $(findstring s,$(firstword -$(MAKEFLAGS)))
say = $(if $(V)$(silent),,@printf '  %-8s%s\n' '$1' '$2')

$B/obj/mm/%.o: FLAGS = $(FREESTANDING)
$B/obj/mm/host/%.o $B/obj/ept/%.o $B/obj/tests/%.o $B/obj/bench/%.o: FLAGS = $(HOSTED)
$B/obj/vmm/%.o: FLAGS = $(HOSTED) -DVMM_VERSION='"$(VERSION)"'
$(HOST_OBJECTS): $B/obj/%.o: % Makefile
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$Q$(CC) $(FLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# The page lies in the object as it is: see vmm/pt_picture_html.c.
$B/obj/vmm/pt_picture_html.c.o: vmm/picture.html

$B/libmm.a: $(MM_OBJECTS)
$B/libept.a: $(EPT_OBJECTS)
$B/libvmm.a: $(filter-out $(VMM_MAIN),$(VMM_OBJECTS))
$(LIBS):
	$(call say,AR,$@)
	@mkdir -p $(@D)
	@rm -f $@
	$Q$(AR) rcsD $@ $^

host_link = $(CC) $(SANITIZE) -pthread $(LDFLAGS) -o $@ $^

$(VMM): $(VMM_MAIN) $(LIBS)
	$(call say,LINK,$@)
	$Q$(host_link) $(LIBRARIES)

$(TESTS): $B/tests/%: $B/obj/tests/unit/%.c.o $(filter-out $(TEST_MAINS),$(TEST_OBJECTS)) $(LIBS)
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$Q$(host_link) $(LIBRARIES) -lcmocka

$B/bench/boot: $B/obj/bench/boot.c.o
$B/bench/pt: $B/obj/bench/pt.c.o $(LIBS)
$B/bench/mm: $(filter $B/obj/bench/mm%,$(BENCH_OBJECTS)) $B/libmm.a
$(BENCHES):
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$Q$(host_link) $(LIBRARIES)

# A fuzzer is one program of all its sources: clang's coverage goes into every file of them.
FUZZ_SECONDS ?= 60
$(O)/fuzz/fuzz_image: $(wildcard tests/fuzz/fuzz_image.c tests/unit/image_promises.c \
		tests/unit/image_builder.c vmm/image*.c)
	$(call say,FUZZER,$@)
	@mkdir -p $(@D)
	$Qclang $(COMMON) -D_GNU_SOURCE -O1 -g -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=all -o $@ $^

$(O)/fuzz/fuzz_walk: $(wildcard tests/fuzz/fuzz_walk.c tests/unit/walk_promises.c mm/foreign*.c)
	$(call say,FUZZER,$@)
	@mkdir -p $(@D)
	$Qclang $(COMMON) -D_GNU_SOURCE -O1 -g -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=all -o $@ $^

$(O)/fuzz/fuzz_core: $(wildcard tests/fuzz/fuzz_core.c mm/foreign*.c) vmm/pt_core.c \
		vmm/pt_source.c vmm/pt_view.c vmm/refuse.c
	$(call say,FUZZER,$@)
	@mkdir -p $(@D)
	$Qclang $(COMMON) -D_GNU_SOURCE -O1 -g -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=all -o $@ $^

$(O)/fuzz/fuzz_model: $(MODEL_COMMON) tests/model/fuzz_step.c
	$(call say,FUZZER,$@)
	@mkdir -p $(@D)
	$Qclang $(COMMON) -D_GNU_SOURCE -DMM_INDEX_BITS=1 -O1 -g \
		-fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -o $@ $^

# The model: everything once for each geometry, with tests/model/port.c for mm/host.
define model_geometry
$(call objects,$(MODEL_SOURCES),$B/model/$1): $B/model/$1/obj/%.o: % Makefile
	$$(call say,CC,$$<)
	@mkdir -p $$(@D)
	$$Q$$(CC) $$(if $$(filter mm/%,$$<),$$(FREESTANDING),$$(HOSTED)) -DMM_INDEX_BITS=$1 \
		$$(CFLAGS) -MMD -MP -c -o $$@ $$<
$(MODEL_MAINS:%=$B/model/$1/%): $B/model/$1/%: $B/model/$1/obj/tests/model/%.c.o \
		$(call objects,$(MODEL_COMMON),$B/model/$1)
	$$(call say,LINK,$$@)
	$$Q$$(host_link)

endef
$(foreach bits,1 2 9,$(eval $(call model_geometry,$(bits))))

.PHONY: $B/model/replay
$B/model/replay: $(call objects,$(MODEL_COMMON),$B/model/$(firstword $(MODEL_BITS)))
	$Q$(CC) $(HOSTED) -DMM_INDEX_BITS=$(firstword $(MODEL_BITS)) $(CFLAGS) -o $@ $(REPLAY) $^

# The engine and the scenarios call functions of tests/sched/instrument.c for each access to memory.
# None of what sanitizers want is linked.
SCHED_FLAGS := $(COMMON) -O2 -g -DMM_INDEX_BITS=2
SCHED_WATCHED := -fsanitize=thread $(if $(compiler),,--param=tsan-instrument-func-entry-exit=0)
$(SCHED_B)/obj/mm/%.o: FLAGS = -I$(SCHED_ENGINE) $(SCHED_FLAGS) -ffreestanding $(SCHED_WATCHED)
$(SCHED_B)/obj/tests/sched/%.o: FLAGS = -I$(SCHED_ENGINE) $(SCHED_FLAGS) -D_GNU_SOURCE
$(SCHED_B)/obj/tests/sched/scenario_%.o $(SCHED_B)/obj/tests/sched/operations.c.o: \
	FLAGS = -I$(SCHED_ENGINE) $(SCHED_FLAGS) -D_GNU_SOURCE $(SCHED_WATCHED)
$(SCHED_B)/obj/mm/%.o: $(SCHED_ENGINE)/mm/% Makefile
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$Q$(CC) $(FLAGS) -MMD -MP -c -o $@ $<
$(SCHED_B)/obj/tests/sched/%.o: tests/sched/% Makefile
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$Q$(CC) $(FLAGS) -MMD -MP -c -o $@ $<
$(SCHED): $(SCHED_OBJECTS)
	$(call say,LINK,$@)
	$Q$(CC) -no-pie -o $@ $^

# Guests: the folder's name says the kind of the image.
#
#   multiboot*  ELF32 with guests/lib/multiboot_*.[cS], linked by guests/lib/multiboot.ld
#   raw_*       a flat binary of its own files only, linked by guests/lib/raw.ld
#   own_*       as else, and with the engine: mm/*.c and guests/lib/own_*.c
#   else        ELF64 with the rest of guests/lib, linked by guests/lib/guest.ld

GUEST_LIB := $(filter guests/lib/%,$(GUEST_SOURCES))
MULTIBOOT_LIB := $(filter guests/lib/multiboot_%,$(GUEST_LIB))
OWN_LIB := $(filter guests/lib/own_%,$(GUEST_LIB))

$(GUEST_B)/obj/guests/%.o: FLAGS = $(GUEST) -m64
$(GUEST_B)/obj/guests/multiboot%.o: FLAGS = $(GUEST) -m32
$(GUEST_B)/obj/guests/lib/multiboot_%.o: FLAGS = $(GUEST) -m32
# The engine as guests have it is built once more, under obj/guests/mm.
$(GUEST_OBJECTS): $(GUEST_B)/obj/%.o: % Makefile
$(GUEST_MM_OBJECTS): $(GUEST_B)/obj/guests/%.o: % Makefile
$(GUEST_OBJECTS) $(GUEST_MM_OBJECTS):
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$Q$(CC) $(FLAGS) -MMD -MP -c -o $@ $<

# $1 image, $2 its linker script, $3 flags, $4 sources
define guest_image
$1: $(call objects,$4,$(GUEST_B)) guests/lib/$2
	$$(call say,GUEST,$$@)
	@mkdir -p $$(@D)
	$$Q$$(CC) $3 $$(GUEST_LINK) -T guests/lib/$2 -o $$@ $$(filter %.o,$$^)

endef

sources_of = $(filter guests/$1/%,$(GUEST_SOURCES))
elf64 = $(call guest_image,$(GUEST_B)/guests/$1.elf,guest.ld,-m64,\
	$(call sources_of,$1) $(filter-out $(MULTIBOOT_LIB) $(OWN_LIB),$(GUEST_LIB)) \
	$(if $(filter own_%,$1),$(OWN_LIB) $(GUEST_MM)))
elf32 = $(call guest_image,$(GUEST_B)/guests/$1.elf,multiboot.ld,-m32,\
	$(call sources_of,$1) $(MULTIBOOT_LIB))
raw = $(call guest_image,$(GUEST_B)/obj/guests/$1.elf,raw.ld,\
	-m64 -Wl$(comma)--no-warn-rwx-segments,$(call sources_of,$1))

$(foreach name,$(filter-out multiboot% raw_%,$(GUEST_NAMES)),$(eval $(call elf64,$(name))))
$(foreach name,$(filter multiboot%,$(GUEST_NAMES)),$(eval $(call elf32,$(name))))
$(foreach name,$(RAW_NAMES),$(eval $(call raw,$(name))))

$(GUEST_B)/guests/%.bin: $(GUEST_B)/obj/guests/%.elf
	$(call say,OBJCOPY,$@)
	@mkdir -p $(@D)
	$Qobjcopy -O binary $< $@

-include $(patsubst %.o,%.d,$(SCHED_OBJECTS) $(HOST_OBJECTS) $(MODEL_OBJECTS) $(GUEST_OBJECTS) $(GUEST_MM_OBJECTS))
