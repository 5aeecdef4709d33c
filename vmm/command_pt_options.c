/* SPDX-License-Identifier: MIT */
/*
 * Reading the command line of `vmm pt`.
 */
#include <errno.h>
#include <getopt.h>
#include <string.h>

#include "vmm/command_pt.h"
#include "vmm/number.h"
#include "vmm/refuse.h"

enum {
	OPTION_VCPU = 0x100,
	OPTION_CR3,
	OPTION_PAGING,
	OPTION_MAXPHYADDR,
	OPTION_RAW,
	OPTION_VM,
	OPTION_RANGE,
	OPTION_HOLES,
	OPTION_FLAT,
	OPTION_BINARY,
	OPTION_FORMAT,
	OPTION_SYM,
	OPTION_COLOUR,
};

static const struct option table[] = {
	{ "vcpu", required_argument, NULL, OPTION_VCPU },
	{ "cr3", required_argument, NULL, OPTION_CR3 },
	{ "paging", required_argument, NULL, OPTION_PAGING },
	{ "maxphyaddr", required_argument, NULL, OPTION_MAXPHYADDR },
	{ "raw", required_argument, NULL, OPTION_RAW },
	{ "vm", required_argument, NULL, OPTION_VM },
	{ "range", required_argument, NULL, OPTION_RANGE },
	{ "holes", no_argument, NULL, OPTION_HOLES },
	{ "flat", no_argument, NULL, OPTION_FLAT },
	{ "binary", no_argument, NULL, OPTION_BINARY },
	{ "format", required_argument, NULL, OPTION_FORMAT },
	{ "sym", required_argument, NULL, OPTION_SYM },
	{ "color", required_argument, NULL, OPTION_COLOUR },
	{ "colour", required_argument, NULL, OPTION_COLOUR },
	{ NULL, 0, NULL, 0 },
};

static int range_take(struct pt_options *options, const char *text, struct image_error *error)
{
	const char *end;
	uint64_t stop;

	if (!number_read(text, &end, &options->first) || strncmp(end, "..", 2) ||
	    !number_read_whole(end + 2, &stop) || stop <= options->first)
		return refuse(error, -EINVAL,
			      "--range %.40s: it is FIRST..END, two numbers, the first below "
			      "the second",
			      text);
	options->last = stop - 1;
	return 0;
}

/* FILE@GPA, or FILE alone at 0. */
static int raw_take(struct pt_options *options, char *text, struct image_error *error)
{
	struct pt_raw *raw = &options->raws[options->nr_raws];
	char *at = strrchr(text, '@');

	if (options->nr_raws == PT_RAWS_MAX)
		return refuse(error, -EINVAL, "--raw: at most %d files", PT_RAWS_MAX);
	raw->path = text;
	raw->gpa = 0;
	if (at && number_read_whole(at + 1, &raw->gpa))
		*at = '\0';
	options->nr_raws++;
	return 0;
}

static int paging_take(struct pt_options *options, const char *text, struct image_error *error)
{
	options->choice.has_mode = pt_mode_parse(text, &options->choice.mode);
	if (options->choice.has_mode)
		return 0;
	return refuse(error, -EINVAL,
		      "--paging %.40s: it is 4-level, 5-level, pae, 32-bit, off, ept, ept5, npt "
		      "or npt5",
		      text);
}

static int format_take(struct pt_options *options, const char *text, struct image_error *error)
{
	options->style = pt_style_find(text);
	if (options->style)
		return 0;
	return refuse(
		error, -EINVAL,
		"--format %.40s: it is text, tsv, json, html, svg, qemu-mem, qemu-tlb or ptdump",
		text);
}

static int colour_take(struct pt_options *options, const char *text, struct image_error *error)
{
	static const char *const words[] = {
		[PT_COLOUR_AUTO] = "auto",
		[PT_COLOUR_ALWAYS] = "always",
		[PT_COLOUR_NEVER] = "never",
	};

	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (!strcmp(text, words[i])) {
			options->colour = (enum pt_colour)i;
			return 0;
		}
	return refuse(error, -EINVAL, "--color %.40s: it is auto, always or never", text);
}

static int number_take(const char *option, const char *text, uint64_t *value, bool *has,
		       struct image_error *error)
{
	*has = number_read_whole(text, value);
	return *has ? 0 : refuse(error, -EINVAL, "--%s %.40s: not a number", option, text);
}

static int maxphyaddr_take(struct pt_options *options, const char *text, struct image_error *error)
{
	uint64_t bits;

	if (!number_read_whole(text, &bits) || bits < 32 || bits > 52)
		return refuse(error, -EINVAL, "--maxphyaddr %.40s: it is 32 to 52", text);
	options->choice.maxphyaddr = (unsigned)bits;
	return 0;
}

static int option_take(struct pt_options *options, int option, struct image_error *error)
{
	struct pt_choice *choice = &options->choice;

	switch (option) {
	case OPTION_VCPU:
		return number_take("vcpu", optarg, &choice->vcpu, &choice->has_vcpu, error);
	case OPTION_CR3:
		return number_take("cr3", optarg, &choice->cr3, &choice->has_cr3, error);
	case OPTION_PAGING:
		return paging_take(options, optarg, error);
	case OPTION_MAXPHYADDR:
		return maxphyaddr_take(options, optarg, error);
	case OPTION_RAW:
		return raw_take(options, optarg, error);
	case OPTION_VM:
		options->vm = optarg;
		return 0;
	case OPTION_RANGE:
		return range_take(options, optarg, error);
	case OPTION_HOLES:
		options->holes = true;
		return 0;
	case OPTION_FLAT:
		options->flat = true;
		return 0;
	case OPTION_BINARY:
		options->binary = true;
		return 0;
	case OPTION_FORMAT:
		return format_take(options, optarg, error);
	case OPTION_SYM:
		options->symbols = optarg;
		return 0;
	case OPTION_COLOUR:
		return colour_take(options, optarg, error);
	}
	return -EINVAL;
}

int pt_options_parse(struct pt_options *options, int argc, char **argv, struct image_error *error)
{
	int option, result;

	*options = (struct pt_options){ .style = &pt_style_text, .last = UINT64_MAX };
	opterr = 0;
	optind = 0;
	while ((option = getopt_long(argc, argv, ":", table, NULL)) != -1) {
		if (option == ':')
			return refuse(error, -EINVAL, "%.60s needs a value: see vmm pt --help",
				      argv[optind - 1]);
		if (option == '?')
			return refuse(error, -EINVAL,
				      "%.60s: there is no such option: see "
				      "vmm pt --help",
				      argv[optind - 1]);
		result = option_take(options, option, error);
		if (result)
			return result;
	}
	options->words = argv + optind;
	options->nr_words = argc - optind;
	return 0;
}
