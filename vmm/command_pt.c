/* SPDX-License-Identifier: MIT */
/*
 * vmm pt: finds the command, opens what it works on.
 */
#include "vmm/command_pt.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/command.h"
#include "vmm/ending.h"
#include "vmm/number.h"
#include "vmm/refuse.h"
#include "vmm/usage.h"

struct pt_command {
	const char *name;
	int words_min, words_max; /* of its own */
	pt_command_t run;
	unsigned sources;
	bool tables; /* it needs to know where a table is */
};

static const struct pt_command commands[] = {
	{ "dump", 0, PT_TERMS_MAX, pt_command_dump, 1, true },
	{ "walk", 1, 1, pt_command_walk, 1, true },
	{ "find", 1, 1, pt_command_find, 1, true },
	{ "alias", 0, 0, pt_command_alias, 1, true },
	{ "audit", 0, 0, pt_command_audit, 1, true },
	{ "diff", 0, 0, pt_command_diff, 2, true },
	{ "search", 1, PT_TERMS_MAX, pt_command_search, 1, true },
	{ "read", 2, 2, pt_command_read, 1, true },
	{ "stat", 0, 0, pt_command_stat, 1, true },
	{ "host", 0, PT_TERMS_MAX, pt_command_host, 1, false },
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const struct pt_command *command_find(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

struct pt_report pt_call_report(struct pt_call *call, unsigned view)
{
	const struct pt_options *options = &call->options;

	return (struct pt_report){
		.view = &call->views[view],
		.out = &call->out,
		.symbols = call->symbols.nr ? &call->symbols : NULL,
		.colour = options->colour == PT_COLOUR_ALWAYS ||
			  (options->colour == PT_COLOUR_AUTO && isatty(STDOUT_FILENO) &&
			   !getenv("NO_COLOR")),
	};
}

void pt_call_describe(struct pt_call *call, unsigned view)
{
	char text[200];

	pt_view_describe(&call->views[view], text, sizeof(text));
	if (call->options.style == &pt_style_text)
		pt_out_print(&call->out, "%s: %s\n", call->views[view].source->name, text);
	else if (!call->inside)
		fprintf(stderr, "%s: %s\n", call->views[view].source->name, text);
}

int pt_call_address(struct pt_call *call, const char *word, uint64_t *address)
{
	size_t len = strcspn(word, "+");
	const struct pt_symbol *symbol = NULL;
	uint64_t offset = 0;
	char *name;

	if (number_read_whole(word, address))
		return 0;
	name = strndup(word, len);
	if (name)
		symbol = pt_symbols_named(&call->symbols, name);
	free(name);
	if (!symbol || (word[len] && !number_read_whole(word + len + 1, &offset)))
		return refuse(&call->error, -EINVAL, "'%.60s' is no address%s", word,
			      call->symbols.nr ? " and no symbol" : "");
	*address = symbol->address + offset;
	return 0;
}

static int raws_open(struct pt_source *source, const struct pt_options *options,
		     struct image_error *error)
{
	pt_source_raw(source, options->raws[0].path);
	for (unsigned i = 0; i < options->nr_raws; i++) {
		int result = pt_source_add_file(source, options->raws[i].path, options->raws[i].gpa,
						error);

		if (result) {
			pt_source_close(source);
			return result;
		}
	}
	pt_source_settle(source);
	return 0;
}

/* The next source: what options name comes first, then words that are files. */
static int source_open(struct pt_call *call, struct pt_source *source)
{
	const struct pt_options *options = &call->options;

	if (options->vm && call->nr_sources == 0)
		return pt_source_vm(source, options->vm, &call->error);
	if (options->nr_raws && call->nr_sources == 0)
		return raws_open(source, options, &call->error);
	if (call->nr_words == 0)
		return refuse(&call->error, -EINVAL,
			      "of what? A core file is needed: see "
			      "vmm pt --help");
	call->nr_words--;
	return pt_source_core(source, *call->words++, &call->error);
}

static int sources_open(struct pt_call *call, const struct pt_command *command)
{
	int result = 0;

	while (!result && call->nr_sources < command->sources) {
		unsigned number = call->nr_sources;

		result = call->inside ? 0 : source_open(call, &call->sources[number]);
		if (result)
			break;
		call->nr_sources++;
		if (command->tables)
			result = pt_view_open(&call->views[number], &call->sources[number],
					      &call->options.choice, &call->error);
	}
	return result;
}

static int call_run(struct pt_call *call, const struct pt_command *command)
{
	int result = 0;

	if (call->options.symbols)
		result = pt_symbols_read(&call->symbols, call->options.symbols, &call->error);
	if (!result)
		result = sources_open(call, command);
	if (result)
		return result;
	if (call->nr_words < command->words_min || call->nr_words > command->words_max)
		return refuse(&call->error, -EINVAL, "%s: too %s arguments: see vmm pt --help",
			      command->name, call->nr_words < command->words_min ? "few" : "many");
	result = command->run(call);
	if (pt_out_flush(&call->out) && result >= 0)
		return refuse(&call->error, call->out.error, "standard output: %s",
			      strerror(-call->out.error));
	return result;
}

static void call_close(struct pt_call *call)
{
	while (call->nr_sources)
		pt_source_close(&call->sources[--call->nr_sources]);
	pt_symbols_free(&call->symbols);
	free(call);
}

static int call_inside(struct pt_call *call, int argc, char **argv)
{
	const struct pt_options *options = &call->options;
	const struct pt_command *command = argc > 0 ? command_find(argv[0]) : NULL;
	int result;

	if (!command || command->sources != 1)
		return refuse(&call->error, -EINVAL,
			      "it is pt dump, walk, find, alias, audit, search, read, stat or "
			      "host, with options as vmm pt has");
	result = pt_options_parse(&call->options, argc, argv, &call->error);
	if (!result && (options->vm || options->nr_raws || options->symbols))
		result = refuse(&call->error, -EINVAL, "--vm, --raw and --sym are not for here");
	call->words = call->options.words;
	call->nr_words = call->options.nr_words;
	return result ? result : call_run(call, command);
}

int pt_run_inside(int argc, char **argv, struct pt_source *source, int fd,
		  struct image_error *error)
{
	struct pt_call *call = calloc(1, sizeof(*call));
	int result;

	if (!call) {
		pt_source_close(source);
		return refuse(error, -ENOMEM, "no memory");
	}
	call->inside = true;
	call->sources[0] = *source;
	pt_out_init(&call->out, fd);
	result = call_inside(call, argc, argv);
	*error = call->error;
	/* Where it did not get so far as to open it. */
	call->nr_sources = 1;
	call_close(call);
	return result;
}

int command_pt(int argc, char **argv)
{
	const struct pt_command *command;
	struct pt_call *call;
	int result;

	if (usage_wants_help(argc, argv))
		return usage_print(pt_help);
	command = argc > 1 ? command_find(argv[1]) : NULL;
	if (!command)
		return usage_refuse("pt",
				    argc > 1 ? "there is no command '%s': see vmm pt --help" :
					       "which command? See vmm pt --help",
				    argv[1]);
	call = calloc(1, sizeof(*call));
	if (!call)
		return usage_refuse("pt", "no memory");
	pt_out_init(&call->out, STDOUT_FILENO);
	result = pt_options_parse(&call->options, argc - 1, argv + 1, &call->error);
	call->words = call->options.words;
	call->nr_words = call->options.nr_words;
	if (!result)
		result = call_run(call, command);
	if (result < 0 && call->out.error == -EPIPE)
		result = 128 + SIGPIPE; /* who read it has seen enough */
	else if (result < 0)
		result = usage_refuse("pt", "%s", call->error.text);
	call_close(call);
	return result;
}
