/* SPDX-License-Identifier: MIT */
/*
 * vmm ctl and vmm snapshot: one request to a running VM.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/command.h"
#include "vmm/control_client.h"
#include "vmm/ending.h"
#include "vmm/usage.h"

#define PATIENCE 10 /* seconds; a snapshot is waited for without end */

static const char ctl_help[] =
	"Usage: vmm ctl VM COMMAND [ARGUMENT]\n"
	"\n"
	"Asks a running VM by its control socket (docs/control.md) and prints the answer, a JSON\n"
	"object. VM is a name (vmm run --name), a PID, or the path of a socket (it has a '/').\n"
	"\n"
	"  status            what it is, and whether it runs\n"
	"  pause, resume     stop the vCPU between two instructions, and let it go on\n"
	"  registers         of each vCPU\n"
	"  host-walk GPA     the host table's walk of a guest-physical address\n"
	"  host-map          what the host table maps\n"
	"  snapshot FILE     write an ELF core\n"
	"  quit              end the run as SIGTERM does: exit code 143\n"
	"\n"
	"Exit codes: 0, or 125 with a sentence.\n"
	"\n"
	"Example:\n"
	"  vmm ctl web host-walk 0x100000\n";

static const char snapshot_help[] =
	"Usage: vmm snapshot VM FILE\n"
	"\n"
	"Writes the memory and registers of a running VM into FILE, an ELF core that gdb, readelf\n"
	"and vmm pt read. The VM stands still meanwhile. FILE takes its place at once when it is\n"
	"whole; what the guest never touched is a hole of the file.\n"
	"VM is a name (vmm run --name), a PID, or the path of a control socket (it has a '/').\n"
	"\n"
	"Exit codes: 0, or 125 with a sentence.\n"
	"\n"
	"Example:\n"
	"  vmm snapshot web web.core && readelf -l web.core\n";

/* The VM has another working folder than we. NULL with errno set. */
static char *absolute_path(const char *path)
{
	char folder[PATH_MAX];
	char *whole;

	if (path[0] == '/')
		return strdup(path);
	if (!getcwd(folder, sizeof(folder)))
		return NULL;
	return asprintf(&whole, "%s/%s", folder, path) < 0 ? NULL : whole;
}

static json_t *snapshot_request(const char *path)
{
	char *whole = absolute_path(path);
	json_t *request = json_pack("{s:s, s:s*}", "command", "snapshot", "path", whole);

	free(whole);
	return request;
}

static json_t *gpa_request(const char *text)
{
	char *end;
	uint64_t gpa;

	errno = 0;
	gpa = strtoull(text, &end, 0);
	if (*end || end == text || errno || text[0] == '-')
		return NULL;
	return json_pack("{s:s, s:o}", "command", "host-walk", "gpa",
			 json_sprintf("0x%" PRIx64, gpa));
}

static int ask(const char *command, const char *vm, json_t *request, unsigned patience,
	       json_t **answer)
{
	struct control_client client;
	struct image_error error;
	int result = control_client_open(&client, vm, &error);

	*answer = NULL;
	if (result) {
		json_decref(request);
		return usage_refuse(command, "%s", error.text);
	}
	result = control_client_call(&client, request, patience, answer, &error);
	control_client_close(&client);
	return result ? usage_refuse(command, "%s: %s", vm, error.text) : 0;
}

/* The request that the words after the VM's name make, or NULL: there is no such one. */
static json_t *request_of(int argc, char **argv)
{
	static const char *const plain[] = { "status",	  "pause", "resume",
					     "registers", "quit",  "host-map" };

	if (argc == 2 && !strcmp(argv[0], "host-walk"))
		return gpa_request(argv[1]);
	if (argc == 2 && !strcmp(argv[0], "snapshot"))
		return snapshot_request(argv[1]);
	for (size_t i = 0; argc == 1 && i < sizeof(plain) / sizeof(plain[0]); i++)
		if (!strcmp(argv[0], plain[i]))
			return json_pack("{s:s}", "command", plain[i]);
	return NULL;
}

int command_ctl(int argc, char **argv)
{
	json_t *request, *answer;
	int code;

	if (usage_wants_help(argc, argv))
		return usage_print(ctl_help);
	if (argc < 3)
		return usage_refuse("ctl", "which VM, and what shall it do? See vmm ctl --help");
	request = request_of(argc - 2, argv + 2);
	if (!request)
		return usage_refuse("ctl",
				    "%s%s%s: no such command, or not with this argument; "
				    "see vmm ctl --help",
				    argv[2], argc > 3 ? " " : "", argc > 3 ? argv[3] : "");
	code = ask("ctl", argv[1], request, strcmp(argv[2], "snapshot") ? PATIENCE : 0, &answer);
	if (!code &&
	    (json_dumpf(answer, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) || puts("") < 0))
		code = EXIT_HOST_FAILURE;
	json_decref(answer);
	return code;
}

int command_snapshot(int argc, char **argv)
{
	json_t *answer;
	int code;

	if (usage_wants_help(argc, argv))
		return usage_print(snapshot_help);
	if (argc != 3)
		return usage_refuse("snapshot", "which VM, and into which file? "
						"See vmm snapshot --help");
	code = ask("snapshot", argv[1], snapshot_request(argv[2]), 0, &answer);
	if (!code)
		printf("%s: %lld MiB of guest memory, %lld KiB of it touched\n", argv[2],
		       (long long)json_integer_value(json_object_get(answer, "memory")) >> 20,
		       (long long)json_integer_value(json_object_get(answer, "written")) >> 10);
	json_decref(answer);
	return code;
}
