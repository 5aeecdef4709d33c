/* SPDX-License-Identifier: MIT */
/* From the entry point to guest_main(), and the ways out. */
#include "guests/lib/guest.h"

#include <stdarg.h>

#include "guests/lib/exception.h"
#include "guests/lib/port_io.h"
#include "guests/lib/print.h"

const struct abi_boot *guest_boot;

_Noreturn void guest_start(const struct abi_boot *boot);

_Noreturn void guest_start(const struct abi_boot *boot)
{
	guest_boot = boot;
	console_setup();
	exception_setup();
	if (boot->magic != ABI_BOOT_MAGIC || boot->version != ABI_BOOT_VERSION)
		panic("boot information of magic %x and version %u", boot->magic, boot->version);
	guest_exit((uint32_t)guest_main());
}

_Noreturn void guest_exit(uint32_t code)
{
	port_write32(ABI_PORT_EXIT, code);
	for (;;)
		__asm__ volatile("hlt");
}

_Noreturn void panic(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	print("panic: ");
	print_arguments(format, arguments);
	print("\n");
	guest_exit(EXIT_PANIC);
}

const char *guest_command_line(void)
{
	return (const char *)(uintptr_t)guest_boot->command_line;
}

const char *guest_arguments(void)
{
	const char *text = guest_command_line();

	while (*text && *text != ' ')
		text++;
	while (*text == ' ')
		text++;
	return text;
}
