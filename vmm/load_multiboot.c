/* SPDX-License-Identifier: MIT */
/*
 * Multiboot images (Multiboot Specification 0.6.96): the machine state of section 3.2 and the
 * information structure of section 3.3.
 *
 * The memory map is given only where there is RAM above 4 GiB, which the two sizes cannot tell of:
 * guests that take it for an invitation look for firmware that is not here.
 */
#include "vmm/load.h"

#include <errno.h>
#include <string.h>

#include "vmm/boot_layout.h"
#include "vmm/refuse.h"

#define LOADER_MAGIC 0x2badb002

#define INFO_MEMORY UINT32_C(0x001)
#define INFO_COMMAND_LINE UINT32_C(0x004)
#define INFO_MODULES UINT32_C(0x008)
#define INFO_MEMORY_MAP UINT32_C(0x040)
#define INFO_LOADER_NAME UINT32_C(0x200)

/* Below it are the interrupt table, and the page that guests start other processors in. */
#define INFO_START UINT64_C(0x9000)

#define LOWER_MEMORY (640 * UINT64_C(1024))
#define MEMORY_AVAILABLE 1

#define MODULE_STRING "initrd"
#define LOADER_NAME "vmm"

struct multiboot_info {
	uint32_t flags;
	uint32_t mem_lower; /* KiB from 0 */
	uint32_t mem_upper; /* KiB from 1 MiB */
	uint32_t boot_device;
	uint32_t cmdline;
	uint32_t mods_count;
	uint32_t mods_addr;
	uint32_t syms[4];
	uint32_t mmap_length; /* bytes */
	uint32_t mmap_addr;
	uint32_t drives_length;
	uint32_t drives_addr;
	uint32_t config_table;
	uint32_t boot_loader_name;
	uint32_t apm_table;
};

struct multiboot_module {
	uint32_t mod_start;
	uint32_t mod_end;
	uint32_t string;
	uint32_t reserved;
};

/* `size` counts what comes after it. */
struct __attribute__((packed)) multiboot_memory {
	uint32_t size;
	uint64_t base_addr;
	uint64_t length;
	uint32_t type;
};

_Static_assert(sizeof(struct multiboot_memory) == 24, "multiboot_memory is on the wire");

/* All that the guest is told, as it lies in its memory; the command line follows it. */
struct boot_block {
	struct multiboot_info info;
	struct multiboot_module module;
	struct multiboot_memory memory[2];
	char module_string[sizeof(MODULE_STRING)];
	char loader_name[sizeof(LOADER_NAME)];
};

/* GPA of a member of the block at `at`: below 4 GiB, as all low RAM is. */
#define MEMBER_GPA(at, member) ((uint32_t)((at).value + offsetof(struct boot_block, member)))

static uint64_t image_end(const struct image *image)
{
	const struct image_segment *last = &image->segments[image->nr_segments - 1];

	return page_align_up(last->gpa.value + last->memory_len);
}

static int places_find(const struct load *load, gpa_t *block, gpa_t *module)
{
	const struct image *image = load->image;
	uint64_t end = load->vm->memory.ram.low_len;
	uint64_t block_len = sizeof(struct boot_block) + strlen(load->command_line) + 1;
	struct boot_layout layout = { 0 };

	for (unsigned i = 0; i < image->nr_segments; i++)
		boot_layout_add(&layout, image->segments[i].gpa, image->segments[i].memory_len,
				ABI_MEMORY_IMAGE);
	if (boot_layout_place(&layout, BOOT_PLACE_LOWEST, INFO_START, end, block_len,
			      ABI_MEMORY_BOOT, block) &&
	    (!load->initrd || boot_layout_place(&layout, BOOT_PLACE_LOWEST, image_end(image), end,
						load->initrd_len, ABI_MEMORY_INITRD, module)))
		return 0;
	return refuse(load->error, -ENOMEM,
		      "RAM below 3 GiB has no room for the image, its boot information and an"
		      " initrd of %llu KiB above it: raise --mem",
		      (unsigned long long)(load->initrd_len >> 10));
}

static uint32_t upper_kib(const struct ram_layout *ram)
{
	return ram->low_len > LOAD_MIB ? (uint32_t)((ram->low_len - LOAD_MIB) >> 10) : 0;
}

static uint32_t lower_kib(const struct ram_layout *ram)
{
	return (uint32_t)((ram->low_len < LOWER_MEMORY ? ram->low_len : LOWER_MEMORY) >> 10);
}

static void module_describe(const struct load *load, struct boot_block *block, gpa_t at,
			    gpa_t module)
{
	block->info.flags |= INFO_MODULES;
	block->info.mods_count = 1;
	block->info.mods_addr = MEMBER_GPA(at, module);
	block->module = (struct multiboot_module){
		.mod_start = (uint32_t)module.value,
		.mod_end = (uint32_t)(module.value + load->initrd_len),
		.string = MEMBER_GPA(at, module_string),
	};
}

static struct multiboot_memory memory_entry(uint64_t base, uint64_t len)
{
	return (struct multiboot_memory){
		.size = sizeof(struct multiboot_memory) - sizeof(uint32_t),
		.base_addr = base,
		.length = len,
		.type = MEMORY_AVAILABLE,
	};
}

static void memory_describe(const struct ram_layout *ram, struct boot_block *block, gpa_t at)
{
	block->info.flags |= INFO_MEMORY_MAP;
	block->info.mmap_addr = MEMBER_GPA(at, memory);
	block->info.mmap_length = sizeof(block->memory);
	block->memory[0] = memory_entry(0, ram->low_len);
	block->memory[1] = memory_entry(RAM_HOLE_END, ram->high_len);
}

static struct boot_block block_describe(const struct load *load, gpa_t at, gpa_t module)
{
	const struct ram_layout *ram = &load->vm->memory.ram;
	struct boot_block block = {
		.info = {
			.flags = INFO_MEMORY | INFO_COMMAND_LINE | INFO_LOADER_NAME,
			.mem_lower = lower_kib(ram),
			.mem_upper = upper_kib(ram),
			.cmdline = (uint32_t)(at.value + sizeof(struct boot_block)),
			.boot_loader_name = MEMBER_GPA(at, loader_name),
		},
		.module_string = MODULE_STRING,
		.loader_name = LOADER_NAME,
	};

	if (load->initrd)
		module_describe(load, &block, at, module);
	if (ram->high_len)
		memory_describe(ram, &block, at);
	return block;
}

int load_multiboot(const struct load *load)
{
	struct boot_block block;
	gpa_t module = GPA(0);
	gpa_t at;
	int result = places_find(load, &at, &module);

	if (result)
		return result;
	block = block_describe(load, at, module);
	result = load_write(load, at, &block, sizeof(block));
	if (!result)
		result = load_write(load, GPA(at.value + sizeof(block)), load->command_line,
				    strlen(load->command_line) + 1);
	if (!result)
		result = load_write(load, module, load->initrd, load->initrd_len);
	load->start->rax = LOADER_MAGIC;
	load->start->rbx = at.value;
	return result;
}
