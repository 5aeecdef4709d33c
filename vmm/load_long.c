/* SPDX-License-Identifier: MIT */
/*
 * Long-mode guests: where things go in RAM, the page tables over them, and the boot information
 * that says so (docs/guest-abi.md).
 *
 * W^X holds through aliases too: nothing is executable in the direct map, and what is not writable
 * at its own address is not writable there.
 */
#include "vmm/load.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/boot_layout.h"
#include "vmm/kvm.h"
#include "vmm/refuse.h"

/*
 * Tables of 4 KiB leaves for all RAM, which would be the most that a guest with one mapping of each
 * page can ask for, take a 512th of it.
 */
#define TABLES_PART 256
#define TABLES_MIN LOAD_MIB
#define TABLES_MAX (64 * LOAD_MIB)

#define STACK_BOTTOM (ABI_STACK_TOP - ABI_STACK_LEN)

/* CPUID.80000001H:EDX */
#define CPUID_EXTENDED UINT32_C(0x80000001)
#define CPUID_EXTENDED_EDX_1G_PAGES (UINT32_C(1) << 26)

/* Where things are. */
struct places {
	struct boot_layout layout;
	gpa_t tables;
	uint64_t tables_len;
	gpa_t stack; /* ABI_STACK_LEN bytes */
	gpa_t boot;  /* struct abi_boot, then the command line */
	uint64_t boot_len;
	gpa_t initrd; /* 0: there is none */
};

static uint64_t tables_len(const struct ram_layout *ram)
{
	uint64_t len = page_align_up((ram->low_len + ram->high_len) / TABLES_PART);

	if (len < TABLES_MIN)
		return TABLES_MIN;
	return len < TABLES_MAX ? len : TABLES_MAX;
}

/* From the top of low RAM downwards; page 0 stays free, for an initrd at GPA 0 would be none. */
static bool place_high(const struct load *load, struct places *places, uint64_t len,
		       enum abi_memory_kind kind, gpa_t *gpa)
{
	return boot_layout_place(&places->layout, BOOT_PLACE_HIGHEST, PAGE_SIZE,
				 load->vm->memory.ram.low_len, len, kind, gpa);
}

static int places_find(const struct load *load, struct places *places)
{
	const struct image *image = load->image;
	bool placed;

	*places = (struct places){
		.tables_len = tables_len(&load->vm->memory.ram),
		.boot_len = page_align_up(sizeof(struct abi_boot) + strlen(load->command_line) + 1),
	};
	for (unsigned i = 0; i < image->nr_segments; i++)
		boot_layout_add(&places->layout, image->segments[i].gpa,
				image->segments[i].memory_len, ABI_MEMORY_IMAGE);
	placed = place_high(load, places, places->tables_len, ABI_MEMORY_TABLES, &places->tables) &&
		 place_high(load, places, ABI_STACK_LEN + places->boot_len, ABI_MEMORY_BOOT,
			    &places->stack) &&
		 (!load->initrd ||
		  place_high(load, places, load->initrd_len, ABI_MEMORY_INITRD, &places->initrd));
	places->boot = GPA(places->stack.value + ABI_STACK_LEN);
	if (!placed)
		return refuse(load->error, -ENOMEM,
			      "RAM below 3 GiB has no room for the image, an initrd of %llu KiB"
			      " and %llu KiB of page tables and stack: raise --mem",
			      (unsigned long long)(load->initrd_len >> 10),
			      (unsigned long long)((places->tables_len + ABI_STACK_LEN) >> 10));
	return 0;
}

/* The largest leaf that the guest's CPU knows. */
static unsigned leaf_level_max(const struct vm *vm)
{
	struct kvm_cpuid2 *cpuid = kvm_supported_cpuid(vm->kvm_fd);
	struct kvm_cpuid_entry2 *leaf = cpuid ? kvm_cpuid_leaf(cpuid, CPUID_EXTENDED, 0) : NULL;
	unsigned level = leaf && (leaf->edx & CPUID_EXTENDED_EDX_1G_PAGES) ? 3 : 2;

	free(cpuid);
	return level;
}

/* Does [gva, gva+len) touch [start, start+start_len)? Neither wraps. */
static bool touches(const struct image_segment *segment, uint64_t start, uint64_t len)
{
	return segment->gva.value < start + len && start < segment->gva.value + segment->memory_len;
}

/* Not even the guard pages of the stack are an image's. */
static int segment_place_check(const struct load *load, const struct image_segment *segment)
{
	const char *what = NULL;

	if (touches(segment, ABI_DIRECT_MAP, ram_layout_end(&load->vm->memory.ram)))
		what = "the direct map";
	else if (touches(segment, STACK_BOTTOM - PAGE_SIZE, ABI_STACK_LEN + 2 * PAGE_SIZE))
		what = "the stack";
	if (!what)
		return 0;
	return refuse(load->error, -ENOEXEC,
		      "segment %u is linked at 0x%llx to 0x%llx, where %s is", segment->number,
		      (unsigned long long)segment->gva.value,
		      (unsigned long long)(segment->gva.value + segment->memory_len), what);
}

static uint32_t segment_rights(const struct image_segment *segment)
{
	return (segment->rights & SEGMENT_READ ? PROP_READ : 0) |
	       (segment->rights & SEGMENT_WRITE ? PROP_WRITE : 0) |
	       (segment->rights & SEGMENT_EXECUTE ? PROP_EXECUTE : 0);
}

/* The image may end within a page: the rest of the page is its own, too. */
static int segment_map(const struct load *load, const struct image_segment *segment)
{
	gva_t gva = GVA(align_down(segment->gva.value, PAGE_SIZE));
	gpa_t gpa = GPA(align_down(segment->gpa.value, PAGE_SIZE));
	uint64_t end = page_align_up(segment->gva.value + segment->memory_len);
	int result = segment_place_check(load, segment);

	if (result)
		return result;
	result = guest_space_map(&load->vm->tables, gva, gpa, end - gva.value, 0,
				 segment_rights(segment));
	if (result)
		return refuse(load->error, result, "cannot map segment %u at 0x%llx: %s",
			      segment->number, (unsigned long long)gva.value, strerror(-result));
	return 0;
}

static int segments_map(const struct load *load)
{
	const struct image *image = load->image;
	int result = 0;

	for (unsigned i = 0; i < image->nr_segments && !result; i++)
		result = segment_map(load, &image->segments[i]);
	return result;
}

/* What is not to be written through the direct map. */
static void read_only_collect(const struct load *load, const struct places *places,
			      struct boot_layout *read_only)
{
	const struct image *image = load->image;

	*read_only = (struct boot_layout){ 0 };
	for (unsigned i = 0; i < image->nr_segments; i++)
		if (!(image->segments[i].rights & SEGMENT_WRITE))
			boot_layout_add(read_only, image->segments[i].gpa,
					image->segments[i].memory_len, ABI_MEMORY_IMAGE);
	boot_layout_add(read_only, places->boot, places->boot_len, ABI_MEMORY_IMAGE);
	boot_layout_add(read_only, places->tables, places->tables_len, ABI_MEMORY_IMAGE);
}

static int direct_map_build(const struct load *load, const struct places *places)
{
	struct abi_memory runs[BOOT_RUNS_MAX];
	struct boot_layout read_only;
	unsigned nr_runs;
	int result = 0;

	read_only_collect(load, places, &read_only);
	nr_runs = boot_layout_runs(&read_only, &load->vm->memory.ram, runs);
	for (unsigned i = 0; i < nr_runs && !result; i++)
		result = guest_space_map_direct(
			&load->vm->tables, GVA(ABI_DIRECT_MAP + runs[i].gpa), GPA(runs[i].gpa),
			runs[i].len,
			runs[i].kind == ABI_MEMORY_FREE ? PROP_READ | PROP_WRITE : PROP_READ);
	if (result)
		return refuse(load->error, result, "cannot build the direct map: %s",
			      strerror(-result));
	return 0;
}

static int stack_map(const struct load *load, const struct places *places)
{
	int result = guest_space_map(&load->vm->tables, GVA(STACK_BOTTOM), places->stack,
				     ABI_STACK_LEN, 0, PROP_READ | PROP_WRITE);

	if (result)
		return refuse(load->error, result, "cannot map the stack: %s", strerror(-result));
	return 0;
}

static int tables_build(const struct load *load, const struct places *places)
{
	struct vm *vm = load->vm;
	int result = guest_space_create(&vm->tables, &vm->memory, places->tables,
					places->tables_len, leaf_level_max(vm));

	if (result)
		return refuse(load->error, result, "cannot make the guest's page tables: %s",
			      strerror(-result));
	result = segments_map(load);
	if (!result)
		result = stack_map(load, places);
	if (!result)
		result = direct_map_build(load, places);
	if (result)
		guest_space_destroy(&vm->tables);
	return result;
}

static uint16_t port_if_present(const struct vm *vm, uint16_t port)
{
	return bus_has(&vm->bus, port) ? port : 0;
}

static struct abi_boot boot_describe(const struct load *load, const struct places *places)
{
	const struct vm *vm = load->vm;

	return (struct abi_boot){
		.magic = ABI_BOOT_MAGIC,
		.version = ABI_BOOT_VERSION,
		.size = sizeof(struct abi_boot),
		.table_root = page_table_root(&vm->tables.space.table).value,
		.direct_map = ABI_DIRECT_MAP,
		.stack_top = ABI_STACK_TOP,
		.stack_len = ABI_STACK_LEN,
		.command_line = ABI_DIRECT_MAP + places->boot.value + sizeof(struct abi_boot),
		.initrd = places->initrd.value,
		.initrd_len = load->initrd_len,
		.port_serial = port_if_present(vm, ABI_PORT_SERIAL),
		.port_debug_console = port_if_present(vm, ABI_PORT_DEBUG_CONSOLE),
		.port_exit = port_if_present(vm, ABI_PORT_EXIT),
		.port_page_control = port_if_present(vm, ABI_PORT_PAGE_CONTROL),
	};
}

static int boot_write(const struct load *load, const struct places *places)
{
	gpa_t command_line = GPA(places->boot.value + sizeof(struct abi_boot));
	struct abi_boot boot = boot_describe(load, places);
	int nr_memory = boot_layout_memory(&places->layout, &load->vm->memory.ram, boot.memory);
	int result;

	if (nr_memory < 0)
		return refuse(load->error, nr_memory,
			      "the image is scattered over too many parts of RAM");
	boot.nr_memory = (uint32_t)nr_memory;
	result = load_write(load, places->boot, &boot, sizeof(boot));
	if (!result)
		result = load_write(load, command_line, load->command_line,
				    strlen(load->command_line) + 1);
	if (!result)
		result = load_write(load, places->initrd, load->initrd, load->initrd_len);
	return result;
}

int load_long(const struct load *load)
{
	struct vm *vm = load->vm;
	struct places places;
	int result = places_find(load, &places);

	if (!result)
		result = tables_build(load, &places);
	if (result)
		return result;
	result = boot_write(load, &places);
	if (result) {
		guest_space_destroy(&vm->tables);
		return result;
	}
	vm->has_tables = true;
	load->start->rsp = ABI_STACK_TOP;
	load->start->rdi = ABI_DIRECT_MAP + places.boot.value;
	load->start->table_root = GPA(page_table_root(&vm->tables.space.table).value);
	return 0;
}
