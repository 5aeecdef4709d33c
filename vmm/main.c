/* SPDX-License-Identifier: MIT */
/*
 * The program: finds the subcommand.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vmm/command.h"
#include "vmm/ending.h"

struct command {
	const char *name;
	const char *summary;
	command_t run;
};

static const struct command commands[] = {
	{ "run", "boot a guest image and exit with its code", command_run },
	{ "ps", "list the VMs that run", command_ps },
	{ "ctl", "ask a running VM: status, pause, registers, host table", command_ctl },
	{ "snapshot", "write a running VM into an ELF core file", command_snapshot },
	{ "pt", "look into the page tables of a guest", command_pt },
	{ "check", "say whether this host can run guests, and if not, what to do", command_check },
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int help(void)
{
	puts("Usage: vmm COMMAND [options]\n"
	     "\n"
	     "A small KVM virtual machine monitor for test guests.\n"
	     "\n"
	     "Commands:");
	for (size_t i = 0; i < COMMANDS; i++)
		printf("  %-8s %s\n", commands[i].name, commands[i].summary);
	puts("\n"
	     "`vmm COMMAND --help` explains one; `vmm --version` tells the version.");
	return 0;
}

static int version(void)
{
	puts("vmm " VMM_VERSION);
	return 0;
}

static int command_find_and_run(int argc, char **argv)
{
	if (argc < 2) {
		fputs("vmm: which command? See vmm --help\n", stderr);
		return EXIT_HOST_FAILURE;
	}
	if (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))
		return help();
	if (!strcmp(argv[1], "--version"))
		return version();
	for (size_t i = 0; i < COMMANDS; i++)
		if (!strcmp(argv[1], commands[i].name))
			return commands[i].run(argc - 1, argv + 1);
	fprintf(stderr, "vmm: there is no command '%s': see vmm --help\n", argv[1]);
	return EXIT_HOST_FAILURE;
}

/*
 * Takes the place of standard descriptors that are closed, so that nothing else that is opened gets
 * their numbers. What is then written to one fails, as it should.
 */
static bool standard_descriptors_hold(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) != fd)
			return false;
	return true;
}

int main(int argc, char **argv)
{
	int code;

	if (!standard_descriptors_hold()) {
		fputs("vmm: a standard descriptor is closed, and /dev/null does not open\n",
		      stderr);
		return EXIT_HOST_FAILURE;
	}
	signal(SIGPIPE,
	       SIG_IGN); /* see output.h: a reader that has gone is an error like any other */
	code = command_find_and_run(argc, argv);
	if (fflush(stdout)) {
		perror("vmm: standard output");
		return EXIT_HOST_FAILURE;
	}
	return code;
}
