/* SPDX-License-Identifier: MIT */
/*
 * The command line of `vmm run`: read, checked, and settled for the kind of image at hand.
 */
#ifndef VMM_COMMAND_RUN_OPTIONS_H
#define VMM_COMMAND_RUN_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/image.h"
#include "vmm/vm.h"

enum run_request { RUN_IMAGE, RUN_HELP, RUN_VERSION };

/* What can be said both ways, and depends on the image if nothing is said. */
enum run_choice { CHOICE_BY_IMAGE, CHOICE_YES, CHOICE_NO };

enum run_statistics { RUN_STATISTICS_NONE, RUN_STATISTICS_TEXT, RUN_STATISTICS_JSON };

enum run_serial { RUN_SERIAL_STDIO, RUN_SERIAL_FILE, RUN_SERIAL_NONE };

/* Pointers go into argv. */
struct run_options {
	enum run_request request; /* if it is not RUN_IMAGE, nothing else counts */
	const char *image;
	const char *initrd;  /* NULL: none */
	const char *cmdline; /* "": none */
	char **words;	     /* what follows `--`, up to NULL */

	uint64_t memory_len; /* bytes */
	uint64_t timeout_ns; /* 0: none */
	bool mode_given;
	bool load_given;
	bool entry_given;
	struct image_raw_options raw; /* as far as given */

	enum run_serial serial;
	const char *serial_path; /* RUN_SERIAL_FILE */
	enum run_choice strict;
	enum run_choice irqchip;
	enum run_statistics statistics;
	const char *name;     /* of the VM, NULL: none */
	const char *control;  /* path of its control socket, NULL: where they all are */
	bool no_control;      /* no socket at all */
	uint16_t gdb_port;    /* of 127.0.0.1, 0: none */
	const char *gdb_path; /* of a socket, NULL: none */
	bool wait;	      /* for gdb, before the first instruction */
	bool qemu_exit;
	bool audit;
	bool show_tables;
};

/*
 * Reads the command line; argv[0] is not looked at, argv[argc] is NULL. 0, or -EINVAL with a
 * sentence. Not for several threads at once: getopt_long() has one state for all.
 */
int run_options_read(struct run_options *options, int argc, char **argv, struct image_error *error);

/*
 * Fills in what depends on the kind of image: options->raw is complete afterwards, and *vm says
 * which machine it is. -EINVAL with a sentence for options that this kind of image has no use for.
 */
int run_options_settle(struct run_options *options, enum image_kind kind, struct vm_options *vm,
		       struct image_error *error);

/*
 * The guest's command line: the image's file name without folders, --cmdline, and the words after
 * `--`, with one space between. To be freed by the caller; NULL if there is no memory.
 */
char *run_options_command_line(const struct run_options *options);

/* What --help prints. */
extern const char run_options_help[];

#endif
