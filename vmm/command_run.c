/* SPDX-License-Identifier: MIT */
/*
 * vmm run: from the command line to the exit code.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/clock.h"
#include "vmm/command.h"
#include "vmm/command_run_options.h"
#include "vmm/control.h"
#include "vmm/file.h"
#include "vmm/gdb.h"
#include "vmm/refuse.h"
#include "vmm/show_tables.h"
#include "vmm/signals.h"
#include "vmm/statistics.h"
#include "vmm/vm_audit.h"

/* An ELF file may be longer than what is loaded of it: by debug information, mostly. */
#define IMAGE_FILE_MAX (UINT64_C(1) << 30)

#define SENTENCE_LEN 320

/* All that one run needs; what is NULL or -1 is not there. */
struct run {
	struct run_options options;
	struct vm_options vm_options;
	struct file file;
	struct file initrd;
	struct image image;
	char *command_line;
	int serial_fd; /* a file of our own, to be closed */
	struct vm vm;
	const char *subject; /* what the sentence in `error` is about, or NULL */
	struct image_error error;
};

static int image_parse(struct run *run)
{
	const struct file *file = &run->file;
	enum image_kind kind;
	int result;

	run->subject = run->options.image;
	result = image_identify(file->bytes, file->len, &kind, &run->error);
	if (!result)
		result = run_options_settle(&run->options, kind, &run->vm_options, &run->error);
	if (result)
		return result;
	switch (kind) {
	case IMAGE_RAW:
		return image_parse_raw(file->bytes, file->len, &run->options.raw, &run->image,
				       &run->error);
	case IMAGE_ELF64:
		return image_parse_elf64(file->bytes, file->len, &run->image, &run->error);
	case IMAGE_MULTIBOOT:
		return image_parse_multiboot(file->bytes, file->len, &run->image, &run->error);
	}
	return -EINVAL;
}

static int serial_open(struct run *run)
{
	const char *path = run->options.serial_path;

	if (run->options.serial != RUN_SERIAL_FILE)
		return 0;
	run->serial_fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (run->serial_fd < 0)
		return refuse(&run->error, -errno, "--serial %s: %s", path, strerror(errno));
	return 0;
}

/* Everything that comes from files, before there is a VM. */
static int inputs_open(struct run *run)
{
	const struct run_options *options = &run->options;
	int result = file_read(options->image, IMAGE_FILE_MAX, &run->file, &run->error);

	if (result)
		return result;
	result = image_parse(run);
	if (result)
		return result;
	run->subject = NULL;
	if (options->initrd)
		result = file_read(options->initrd, options->memory_len, &run->initrd, &run->error);
	if (result)
		return result;
	run->command_line = run_options_command_line(options);
	if (!run->command_line)
		return refuse(&run->error, -ENOMEM, "no memory");
	return serial_open(run);
}

static void inputs_close(struct run *run)
{
	if (run->serial_fd >= 0)
		close(run->serial_fd);
	free(run->command_line);
	file_free(&run->initrd);
	file_free(&run->file);
}

static int devices_make(struct run *run)
{
	struct device_options options = {
		.serial_fd = run->serial_fd,
		.input_fd = -1,
		.console_fd = STDOUT_FILENO,
		.interrupted = signals_interrupted,
	};
	int result;

	if (run->options.serial == RUN_SERIAL_STDIO) {
		options.serial_fd = STDOUT_FILENO;
		options.input_fd = STDIN_FILENO;
	}
	result = devices_attach(&run->vm, &options);
	if (result)
		return refuse(&run->error, result, "cannot attach the devices: %s",
			      strerror(-result));
	return 0;
}

/* Devices, image and registers: the VM is ready to run afterwards. */
static int guest_make(struct run *run)
{
	struct vm_start start;
	int result = devices_make(run);

	if (result)
		return result;
	run->subject = run->options.image;
	result = vm_load(&run->vm, &run->image, run->file.bytes, run->command_line,
			 run->initrd.bytes, run->initrd.len, &start, &run->error);
	if (result)
		return result;
	run->subject = NULL;
	result = vm_start(&run->vm, &start);
	if (result)
		return refuse(&run->error, result, "KVM does not take the start state: %s",
			      strerror(-result));
	return 0;
}

/*
 * A VM that nobody gave a name or a path runs without a socket where none can be made; the others
 * were asked for.
 */
static int control_make(struct run *run)
{
	const struct run_options *options = &run->options;
	const struct control_options control = {
		.path = options->control,
		.name = options->name,
		.image = options->image,
	};
	int result;

	if (options->no_control)
		return 0;
	result = control_open(&run->vm, &control, &run->error);
	return options->control || options->name ? result : 0;
}

static int gdb_make(struct run *run)
{
	const struct run_options *options = &run->options;
	const struct gdb_options gdb = {
		.port = options->gdb_port,
		.path = options->gdb_path,
		.wait = options->wait,
		.qemu_exit = options->qemu_exit,
	};

	return gdb.port || gdb.path ? gdb_open(&run->vm, &gdb, &run->error) : 0;
}

static void guest_run(struct run *run)
{
	uint64_t timeout_ns = run->options.timeout_ns;
	struct ending *ending = &run->vm.ending;
	int result;

	vm_run(&run->vm, timeout_ns ? clock_now() + timeout_ns : 0);
	result = devices_flush(&run->vm);
	if (result && ending->kind != ENDING_SIGNAL && ending->kind != ENDING_TIMEOUT)
		output_ending(result, ending);
}

static void ending_print(struct run *run)
{
	char sentence[SENTENCE_LEN];

	ending_sentence(&run->vm.ending, sentence, sizeof(sentence));
	if (sentence[0])
		fprintf(stderr, "vmm run: %s\n", sentence);
	if (ending_wants_report(&run->vm.ending))
		vm_report(&run->vm, STDERR_FILENO);
}

/* What was asked for beside the run itself. The exit code, which a failed audit changes. */
static int aftermath(struct run *run, int code)
{
	const struct run_options *options = &run->options;
	enum statistics_form form = options->statistics == RUN_STATISTICS_JSON ? STATISTICS_JSON :
										 STATISTICS_TEXT;
	int result;

	if (options->show_tables && (result = tables_show(&run->vm, stderr)))
		fprintf(stderr, "vmm run: the guest has broken its table: %s\n", strerror(-result));
	if (options->audit && (result = vm_audit(&run->vm, stderr))) {
		fprintf(stderr, "vmm run: the audit failed: %s\n", strerror(-result));
		code = EXIT_HOST_FAILURE;
	}
	if (options->statistics != RUN_STATISTICS_NONE)
		statistics_print(&run->vm, form, stderr);
	return code;
}

static int image_run(struct run *run, int *code)
{
	int result = inputs_open(run);

	if (result)
		return result;
	result = vm_create(&run->vm, &run->vm_options, &run->error);
	if (result)
		return result;
	result = guest_make(run);
	if (!result)
		result = control_make(run);
	if (!result)
		result = gdb_make(run);
	if (!result) {
		guest_run(run);
		ending_print(run);
		*code = aftermath(run, ending_exit_code(&run->vm.ending, run->options.qemu_exit));
	}
	control_close(&run->vm);
	vm_destroy(&run->vm);
	return result;
}

int command_run(int argc, char **argv)
{
	struct run run = { .serial_fd = -1 };
	int code = EXIT_HOST_FAILURE;
	int result = run_options_read(&run.options, argc, argv, &run.error);

	if (!result && run.options.request == RUN_HELP)
		return fputs(run_options_help, stdout) < 0 ? EXIT_HOST_FAILURE : 0;
	if (!result && run.options.request == RUN_VERSION)
		return puts("vmm " VMM_VERSION) < 0 ? EXIT_HOST_FAILURE : 0;
	if (!result)
		result = image_run(&run, &code);
	if (result)
		fprintf(stderr, "vmm run: %s%s%s\n", run.subject ? run.subject : "",
			run.subject ? ": " : "", run.error.text);
	inputs_close(&run);
	return code;
}
