/* SPDX-License-Identifier: MIT */
/*
 * vmm pt: what its commands are given, and the commands.
 */
#ifndef VMM_COMMAND_PT_H
#define VMM_COMMAND_PT_H

#include "vmm/pt_report.h"

#define PT_RAWS_MAX 16

enum pt_colour { PT_COLOUR_AUTO, PT_COLOUR_ALWAYS, PT_COLOUR_NEVER };

struct pt_raw {
	const char *path;
	uint64_t gpa;
};

/* The command line, read. */
struct pt_options {
	struct pt_choice choice;
	const struct pt_style *style;
	uint64_t first, last;
	bool holes, flat;
	bool binary; /* read prints the bytes themselves */
	enum pt_colour colour;
	const char *symbols; /* a path, or NULL */
	const char *vm;	     /* a running one, or NULL */
	struct pt_raw raws[PT_RAWS_MAX];
	unsigned nr_raws;
	char **words; /* what is no option: sources first, then the command's own */
	int nr_words;
};

/* Reads the command line. -EINVAL with a sentence. Refers to argv. */
int pt_options_parse(struct pt_options *options, int argc, char **argv, struct image_error *error);

extern const char pt_help[];

/*
 * Runs a command on the VM of this process, which stands still: `source` is it, and is closed. argv
 * is the command and what follows it, argv[argc] is NULL; text goes to `fd`. What a client may ask
 * for: nothing that names a file or another VM. As a command's result, with a sentence in *error.
 */
int pt_run_inside(int argc, char **argv, struct pt_source *source, int fd,
		  struct image_error *error);

/* What a command works on. */
struct pt_call {
	struct pt_options options;
	struct pt_source sources[2]; /* the second one of diff */
	struct pt_view views[2];
	unsigned nr_sources;
	struct pt_symbols symbols; /* nr is 0 without --sym */
	struct pt_out out;
	bool inside;  /* in the process of the VM, for gdb: no other source, no file */
	char **words; /* the command's own */
	int nr_words;
	struct image_error error;
};

#define PT_FOUND 1 /* exit code: audit and diff found something, search and find nothing */

/*
 * A command prints to call->out. Its result is the exit code of the process, or -E* with a sentence
 * in call->error.
 */
typedef int (*pt_command_t)(struct pt_call *call);

int pt_command_dump(struct pt_call *call);
int pt_command_walk(struct pt_call *call);
int pt_command_find(struct pt_call *call);
int pt_command_alias(struct pt_call *call);
int pt_command_audit(struct pt_call *call);
int pt_command_diff(struct pt_call *call);
int pt_command_search(struct pt_call *call);
int pt_command_read(struct pt_call *call);
int pt_command_stat(struct pt_call *call);
int pt_command_host(struct pt_call *call);

/* Draws a view and what a diff found (NULL: this is none). 0, or -E* with a sentence. */
struct pt_picture_change;
int pt_call_draw(struct pt_call *call, unsigned view, const struct pt_picture_change *changes,
		 size_t nr_changes);

/* A report of this view to call->out, with the call's symbols and colours. */
struct pt_report pt_call_report(struct pt_call *call, unsigned view);

/* The line that says what is looked at: to standard error, or in text to the output. */
void pt_call_describe(struct pt_call *call, unsigned view);

/* An address: a number, or a symbol, "name" or "name+NUMBER". -EINVAL with a sentence. */
int pt_call_address(struct pt_call *call, const char *word, uint64_t *address);

#endif
