/* SPDX-License-Identifier: MIT */
/*
 * vmm check: can this host run guests, and if not, what is to be done?
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/command.h"
#include "vmm/ending.h"
#include "vmm/kvm.h"

/* CPUID bits of optional paging (SDM 3 4.1.4). */
#define CPUID_80000001_EDX_1G_PAGES (1u << 26)
#define CPUID_7_ECX_LA57 (1u << 16)

static const char help[] =
	"Usage: vmm check\n"
	"\n"
	"Says whether this host can run guests: exit code 0, with the kind of KVM and its limits;\n"
	"or 125, with what to do about it on standard error.\n";

/* What not every host can give its guests. */
static void limits_print(int kvm_fd)
{
	struct kvm_cpuid2 *cpuid = kvm_supported_cpuid(kvm_fd);
	struct kvm_cpuid_entry2 *extended, *features;

	if (!cpuid)
		return;
	extended = kvm_cpuid_leaf(cpuid, 0x80000001, 0);
	features = kvm_cpuid_leaf(cpuid, 7, 0);
	printf("1 GiB pages in guest tables: %s\n",
	       extended && extended->edx & CPUID_80000001_EDX_1G_PAGES ? "yes" : "no");
	printf("5-level guest tables: %s\n",
	       features && features->ecx & CPUID_7_ECX_LA57 ? "yes" : "no");
	free(cpuid);
}

/* Proves it by making a VM. */
static int host_check(void)
{
	struct image_error error;
	enum kvm_kind kind = kvm_kind();
	int kvm_fd = kvm_open(true, &error);
	int vm_fd = kvm_fd < 0 ? kvm_fd : kvm_create_vm(kvm_fd, &error);

	if (vm_fd >= 0) {
		printf("This host can run guests: KVM with %s, API version %d.\n",
		       kvm_kind_name(kind), KVM_API_VERSION);
		if (kind == KVM_KIND_SHADOW)
			puts("Without a second level of tables, guests are slower, and some "
			     "instructions may not work.");
		limits_print(kvm_fd);
		close(vm_fd);
	} else {
		fprintf(stderr, "vmm check: this host cannot run guests: %s\n", error.text);
	}
	if (kvm_fd >= 0)
		close(kvm_fd);
	return vm_fd < 0 ? EXIT_HOST_FAILURE : 0;
}

int command_check(int argc, char **argv)
{
	if (argc == 1)
		return host_check();
	if (argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h")))
		return fputs(help, stdout) < 0 ? EXIT_HOST_FAILURE : 0;
	fprintf(stderr, "vmm check: %s: it takes no such argument; see vmm check --help\n",
		argv[1]);
	return EXIT_HOST_FAILURE;
}
