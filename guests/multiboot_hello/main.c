/* SPDX-License-Identifier: MIT */
/* Says what Multiboot gave it: memory, command line, modules. */
#include "guests/lib/multiboot.h"

static const void *at(uint32_t gpa)
{
	return (const void *)(uintptr_t)gpa;
}

static void write_line(const char *name, uint64_t value)
{
	write_text(name);
	write_hexadecimal(value);
	write_text("\n");
}

static void write_memory(const struct multiboot_info *info)
{
	uint32_t end = info->memory_map + info->memory_map_len;
	const struct multiboot_memory *memory;

	write_line("KiB of lower memory: 0x", info->memory_lower);
	write_line("KiB of upper memory: 0x", info->memory_upper);
	if (!(info->flags & MULTIBOOT_HAS_MEMORY_MAP))
		return;
	for (uint32_t gpa = info->memory_map; gpa < end; gpa += memory->size + 4) {
		memory = at(gpa);
		write_text(memory->type == 1 ? "RAM at 0x" : "reserved at 0x");
		write_hexadecimal(memory->address);
		write_line(", bytes: 0x", memory->len);
	}
}

static void write_modules(const struct multiboot_info *info)
{
	const struct multiboot_module *module = at(info->modules);

	for (uint32_t i = 0; i < info->nr_modules; i++, module++) {
		write_text("module: ");
		write_text(at(module->text));
		write_text("\n");
		write_bytes(at(module->start), module->end - module->start);
	}
}

uint32_t guest_main(uint32_t magic, const struct multiboot_info *info)
{
	const uint32_t needed = MULTIBOOT_HAS_MEMORY | MULTIBOOT_HAS_COMMAND_LINE;

	if (magic != MULTIBOOT_MAGIC || (info->flags & needed) != needed) {
		write_text("FAILURE\n");
		return 1;
	}
	write_text("Hello from a guest in protected mode.\nMy command line: ");
	write_text(at(info->command_line));
	write_text("\n");
	write_memory(info);
	if (info->flags & MULTIBOOT_HAS_MODULES)
		write_modules(info);
	write_text("SUCCESS\n");
	return 0;
}
