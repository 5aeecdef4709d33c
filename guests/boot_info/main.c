/* SPDX-License-Identifier: MIT */
/* Says what it was given at its start; in few words, for each byte takes its time. */
#include "guests/lib/guest.h"

static const char *kind_name(uint32_t kind)
{
	switch (kind) {
	case ABI_MEMORY_FREE:
		return "free";
	case ABI_MEMORY_IMAGE:
		return "image";
	case ABI_MEMORY_BOOT:
		return "boot information";
	case ABI_MEMORY_INITRD:
		return "initrd";
	case ABI_MEMORY_TABLES:
		return "page tables";
	}
	return "unknown";
}

/* Ascending, without overlap, nothing empty: what guest_abi.h promises. */
static bool memory_is_ordered(void)
{
	uint64_t end = 0;

	for (uint32_t i = 0; i < guest_boot->nr_memory; i++) {
		const struct abi_memory *memory = &guest_boot->memory[i];

		if (!memory->len || memory->gpa < end)
			return false;
		end = memory->gpa + memory->len;
	}
	return guest_boot->nr_memory > 0;
}

static void print_initrd(void)
{
	print("Initrd of %lu bytes:\n", guest_boot->initrd_len);
	for (uint64_t i = 0; i < guest_boot->initrd_len; i++) {
		char byte = (char)memory_at(guest_boot->initrd)[i];

		console_write(&byte, 1);
	}
}

int guest_main(void)
{
	uint64_t cr3;

	__asm__ volatile("mov %%cr3, %0" : "=r"(cr3));
	print("Hello from ring 0.\nCommand line: %s\nMemory:\n", guest_command_line());
	for (uint32_t i = 0; i < guest_boot->nr_memory; i++) {
		const struct abi_memory *memory = &guest_boot->memory[i];

		print(" %9lx + %8lx %s\n", memory->gpa, memory->len, kind_name(memory->kind));
	}
	print("All of it is at %lx.\nPage tables begin at %lx.\n", guest_boot->direct_map,
	      guest_boot->table_root);
	if (guest_boot->initrd)
		print_initrd();
	check(memory_is_ordered(), "the memory map ascends");
	check(cr3 == guest_boot->table_root, "CR3 is the table root");
	return check_result();
}
