/* SPDX-License-Identifier: MIT */
/*
 * Reading the command line of `vmm run`.
 */
#include "vmm/command_run_options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/clock.h"
#include "vmm/control_place.h"
#include "vmm/number.h"
#include "vmm/refuse.h"

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

#define MEMORY_DEFAULT (128 * MIB)
#define MEMORY_MIN MIB
#define TIMEOUT_MAX 1e9 /* seconds: 31 years, which nanoseconds in 64 bits can say */

/* Where raw images go: a boot sector's place, or the start of what PCs call extended memory. */
#define LOAD_REAL 0x7c00
#define LOAD_OTHER MIB

enum {
	OPTION_IMAGE = 1, /* what getopt_long() calls a word that is no option */
	OPTION_HELP = 'h',
	OPTION_VERSION = 0x100,
	OPTION_MEM,
	OPTION_TIMEOUT,
	OPTION_CMDLINE,
	OPTION_INITRD,
	OPTION_LOAD,
	OPTION_ENTRY,
	OPTION_MODE,
	OPTION_SERIAL,
	OPTION_QEMU_EXIT,
	OPTION_AUDIT,
	OPTION_SHOW_TABLES,
	OPTION_STATS,
	OPTION_STRICT,
	OPTION_OPEN_BUS,
	OPTION_IRQCHIP,
	OPTION_NO_IRQCHIP,
	OPTION_NAME,
	OPTION_CONTROL,
	OPTION_GDB,
	OPTION_WAIT,
};

static const struct option table[] = {
	{ "help", no_argument, NULL, OPTION_HELP },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ "mem", required_argument, NULL, OPTION_MEM },
	{ "timeout", required_argument, NULL, OPTION_TIMEOUT },
	{ "cmdline", required_argument, NULL, OPTION_CMDLINE },
	{ "initrd", required_argument, NULL, OPTION_INITRD },
	{ "load", required_argument, NULL, OPTION_LOAD },
	{ "entry", required_argument, NULL, OPTION_ENTRY },
	{ "mode", required_argument, NULL, OPTION_MODE },
	{ "serial", required_argument, NULL, OPTION_SERIAL },
	{ "qemu-exit", no_argument, NULL, OPTION_QEMU_EXIT },
	{ "audit", no_argument, NULL, OPTION_AUDIT },
	{ "show-tables", no_argument, NULL, OPTION_SHOW_TABLES },
	{ "stats", optional_argument, NULL, OPTION_STATS },
	{ "strict", no_argument, NULL, OPTION_STRICT },
	{ "open-bus", no_argument, NULL, OPTION_OPEN_BUS },
	{ "irqchip", no_argument, NULL, OPTION_IRQCHIP },
	{ "no-irqchip", no_argument, NULL, OPTION_NO_IRQCHIP },
	{ "name", required_argument, NULL, OPTION_NAME },
	{ "control", required_argument, NULL, OPTION_CONTROL },
	{ "gdb", required_argument, NULL, OPTION_GDB },
	{ "wait", no_argument, NULL, OPTION_WAIT },
	{ NULL, 0, NULL, 0 },
};

static int memory_take(struct run_options *options, const char *text, struct image_error *error)
{
	if (!size_read(text, &options->memory_len))
		return refuse(error, -EINVAL, "--mem %s: not a size such as 64M or 1G", text);
	if (options->memory_len < MEMORY_MIN || !is_aligned(options->memory_len, PAGE_SIZE))
		return refuse(
			error, -EINVAL,
			"--mem %s: not at least 1M and a multiple of 4K; K, M and G are units",
			text);
	return 0;
}

static int timeout_take(struct run_options *options, const char *text, struct image_error *error)
{
	char *end;
	double seconds = strtod(text, &end);

	/* strtod() knows more than we want: signs, exponents, hexadecimal, infinity. */
	if (*end || strspn(text, "0123456789.") != strlen(text) ||
	    seconds * (double)NS_PER_SECOND < 1 || seconds > TIMEOUT_MAX)
		return refuse(error, -EINVAL,
			      "--timeout %s: not a number of seconds, such as 10 or 0.5", text);
	options->timeout_ns = (uint64_t)(seconds * (double)NS_PER_SECOND);
	return 0;
}

static int address_take(const char *name, const char *text, uint64_t *address, bool *given,
			struct image_error *error)
{
	const char *end;

	if (!number_read(text, &end, address) || *end)
		return refuse(error, -EINVAL, "--%s %s: not an address such as 0x100000", name,
			      text);
	*given = true;
	return 0;
}

static int mode_take(struct run_options *options, const char *text, struct image_error *error)
{
	static const char *const names[] = {
		[IMAGE_MODE_LONG] = "long",
		[IMAGE_MODE_PROTECTED] = "protected",
		[IMAGE_MODE_REAL] = "real",
	};

	for (unsigned mode = 0; mode < sizeof(names) / sizeof(names[0]); mode++) {
		if (strcmp(text, names[mode]))
			continue;
		options->raw.mode = (enum image_mode)mode;
		options->mode_given = true;
		return 0;
	}
	return refuse(error, -EINVAL, "--mode %s: not long, protected or real", text);
}

static int serial_take(struct run_options *options, const char *text, struct image_error *error)
{
	if (!*text)
		return refuse(error, -EINVAL, "--serial: not stdio, none or the name of a file");
	options->serial = !strcmp(text, "stdio") ? RUN_SERIAL_STDIO :
			  !strcmp(text, "none")	 ? RUN_SERIAL_NONE :
						   RUN_SERIAL_FILE;
	options->serial_path = text;
	return 0;
}

static int statistics_take(struct run_options *options, const char *text, struct image_error *error)
{
	if (text && strcmp(text, "json"))
		return refuse(error, -EINVAL, "--stats=%s: only --stats or --stats=json", text);
	options->statistics = text ? RUN_STATISTICS_JSON : RUN_STATISTICS_TEXT;
	return 0;
}

static int name_take(struct run_options *options, const char *text, struct image_error *error)
{
	if (!control_name_is_good(text))
		return refuse(error, -EINVAL,
			      "--name %s: not up to 32 letters, digits, '.', '_' and '-', "
			      "beginning with a letter or digit, and not digits alone",
			      text);
	options->name = text;
	return 0;
}

static int control_take(struct run_options *options, const char *text, struct image_error *error)
{
	if (!*text)
		return refuse(error, -EINVAL, "--control: not none or the path of a socket");
	options->no_control = !strcmp(text, "none");
	options->control = options->no_control ? NULL : text;
	return 0;
}

static int gdb_take(struct run_options *options, const char *text, struct image_error *error)
{
	static const char prefix[] = "unix:";
	const char *end;
	uint64_t port;

	if (!strncmp(text, prefix, sizeof(prefix) - 1) && text[sizeof(prefix) - 1]) {
		options->gdb_path = text + sizeof(prefix) - 1;
		return 0;
	}
	if (!number_read(text, &end, &port) || *end || port == 0 || port > UINT16_MAX)
		return refuse(error, -EINVAL, "--gdb %s: not a port from 1 to 65535, or unix:PATH",
			      text);
	options->gdb_port = (uint16_t)port;
	return 0;
}

static int image_take(struct run_options *options, const char *text, struct image_error *error)
{
	if (options->image)
		return refuse(error, -EINVAL,
			      "%s: there is an image already; words for the guest follow --", text);
	options->image = text;
	return 0;
}

static int option_take(struct run_options *options, int option, const char *value,
		       struct image_error *error)
{
	switch (option) {
	case OPTION_IMAGE:
		return image_take(options, value, error);
	case OPTION_NAME:
		return name_take(options, value, error);
	case OPTION_CONTROL:
		return control_take(options, value, error);
	case OPTION_GDB:
		return gdb_take(options, value, error);
	case OPTION_WAIT:
		options->wait = true;
		break;
	case OPTION_MEM:
		return memory_take(options, value, error);
	case OPTION_TIMEOUT:
		return timeout_take(options, value, error);
	case OPTION_LOAD:
		return address_take("load", value, &options->raw.load.value, &options->load_given,
				    error);
	case OPTION_ENTRY:
		return address_take("entry", value, &options->raw.entry, &options->entry_given,
				    error);
	case OPTION_MODE:
		return mode_take(options, value, error);
	case OPTION_SERIAL:
		return serial_take(options, value, error);
	case OPTION_STATS:
		return statistics_take(options, value, error);
	case OPTION_CMDLINE:
		options->cmdline = value;
		break;
	case OPTION_INITRD:
		options->initrd = value;
		break;
	case OPTION_QEMU_EXIT:
		options->qemu_exit = true;
		break;
	case OPTION_AUDIT:
		options->audit = true;
		break;
	case OPTION_SHOW_TABLES:
		options->show_tables = true;
		break;
	case OPTION_STRICT:
	case OPTION_OPEN_BUS:
		options->strict = option == OPTION_STRICT ? CHOICE_YES : CHOICE_NO;
		break;
	case OPTION_IRQCHIP:
	case OPTION_NO_IRQCHIP:
		options->irqchip = option == OPTION_IRQCHIP ? CHOICE_YES : CHOICE_NO;
		break;
	}
	return 0;
}

/* What getopt_long() does not accept; of a long option, `word` is the argument it stopped at. */
static int option_refuse(int why, const char *word, struct image_error *error)
{
	if (why == ':')
		return refuse(error, -EINVAL, "%s needs a value", word);
	if (optopt >= OPTION_VERSION)
		return refuse(error, -EINVAL, "%s: this option takes no value", word);
	if (optopt)
		return refuse(error, -EINVAL, "-%c: there is no such option; see vmm run --help",
			      optopt);
	return refuse(error, -EINVAL, "%s: there is no such option; see vmm run --help", word);
}

int run_options_read(struct run_options *options, int argc, char **argv, struct image_error *error)
{
	int option;

	*options = (struct run_options){ .memory_len = MEMORY_DEFAULT, .cmdline = "" };
	opterr = 0;
	optind = 0; /* GNU: begin anew */
	/* In the order of the command line, "-", so that `--` divides ours from the guest's. */
	while ((option = getopt_long(argc, argv, "-:h", table, NULL)) != -1) {
		if (option == '?' || option == ':')
			return option_refuse(option, argv[optind - 1], error);
		if (option == OPTION_HELP || option == OPTION_VERSION) {
			options->request = option == OPTION_HELP ? RUN_HELP : RUN_VERSION;
			return 0;
		}
		if (option_take(options, option, optarg, error))
			return -EINVAL;
	}
	if (!options->image)
		return refuse(error, -EINVAL, "which image? See vmm run --help");
	if (options->wait && !options->gdb_port && !options->gdb_path)
		return refuse(error, -EINVAL, "--wait: for whom? It needs --gdb");
	options->words = argv + optind;
	return 0;
}

static bool settle_choice(enum run_choice choice, bool by_image)
{
	return choice == CHOICE_BY_IMAGE ? by_image : choice == CHOICE_YES;
}

int run_options_settle(struct run_options *options, enum image_kind kind, struct vm_options *vm,
		       struct image_error *error)
{
	bool pc = kind == IMAGE_MULTIBOOT; /* made for a PC, not for this machine */

	if (kind != IMAGE_RAW &&
	    (options->load_given || options->entry_given || options->mode_given))
		return refuse(error, -EINVAL,
			      "an ELF file says itself how it is loaded: "
			      "--load, --entry and --mode are for raw images");
	if (!options->load_given)
		options->raw.load =
			GPA(options->raw.mode == IMAGE_MODE_REAL ? LOAD_REAL : LOAD_OTHER);
	if (!options->entry_given)
		options->raw.entry = options->raw.load.value;
	*vm = (struct vm_options){
		.memory_len = options->memory_len,
		.strict = settle_choice(options->strict, !pc),
		.irqchip = settle_choice(options->irqchip, pc),
	};
	return 0;
}

/* `to` + a space, if it is not the first word + `word`, if there is any. */
static char *word_append(char *to, const char *from, const char *word)
{
	if (!*word)
		return to;
	if (to != from)
		*to++ = ' ';
	return stpcpy(to, word);
}

char *run_options_command_line(const struct run_options *options)
{
	const char *slash = strrchr(options->image, '/');
	const char *name = slash ? slash + 1 : options->image;
	size_t len = strlen(name) + 1 + strlen(options->cmdline) + 1;
	char *line, *end;

	for (char **word = options->words; *word; word++)
		len += strlen(*word) + 1;
	line = calloc(1, len);
	if (!line)
		return NULL;
	end = word_append(line, line, name);
	end = word_append(end, line, options->cmdline);
	for (char **word = options->words; *word; word++)
		end = word_append(end, line, *word);
	return line;
}
