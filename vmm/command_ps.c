/* SPDX-License-Identifier: MIT */
/*
 * vmm ps: lists the running VMs of this user.
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmm/command.h"
#include "vmm/control_client.h"
#include "vmm/control_place.h"
#include "vmm/ending.h"
#include "vmm/usage.h"

#define PATIENCE 2 /* seconds for a VM to answer: it may be waiting for whoever reads its output */

static const char help[] =
	"Usage: vmm ps [--json]\n"
	"\n"
	"Lists the VMs of this user that run, by their control sockets (docs/control.md):\n"
	"PID, name, state (running, paused, silent: it does not answer), seconds since its\n"
	"start, RAM, image.\n"
	"\n"
	"  --json   one JSON object a line, as the command `status` answers it\n"
	"  --help\n"
	"\n"
	"VMs that were started with --control PATH are not found: name them by that path.\n";

static json_t *status_of(int fd)
{
	struct control_client client;
	struct image_error error;
	json_t *status = NULL;

	control_client_init(&client, fd);
	control_client_call(&client, json_pack("{s:s}", "command", "status"), PATIENCE, &status,
			    &error);
	control_client_close(&client);
	return status;
}

static const char *text_of(const json_t *status, const char *key, const char *otherwise)
{
	const char *text = json_string_value(json_object_get(status, key));

	return text && *text ? text : otherwise;
}

static void print_row(const json_t *status, int pid)
{
	printf("%7d  %-16s %-8s %9.1f  %6lld MiB  %s\n", pid, text_of(status, "name", "-"),
	       text_of(status, "state", "silent"),
	       json_real_value(json_object_get(status, "seconds")),
	       (long long)json_integer_value(json_object_get(status, "memory")) >> 20,
	       text_of(status, "image", "-"));
}

static void print_json(const json_t *status, int pid)
{
	if (status)
		json_dumpf(status, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
	else
		printf("{\"pid\":%d,\"state\":\"silent\"}", pid);
	putchar('\n');
}

/* One socket of the folder; `path` is its path. */
static void show(const char *path, bool json)
{
	json_t *status;
	int pid = 0;
	int fd = control_connect(path, &pid);

	if (fd == -ECONNREFUSED)
		control_remove_stale(path);
	if (fd < 0)
		return;
	status = status_of(fd);
	if (json)
		print_json(status, pid);
	else
		print_row(status, pid);
	json_decref(status);
}

static bool is_socket_name(const char *name)
{
	size_t len = strlen(name), suffix = strlen(CONTROL_SUFFIX);

	return name[0] != '.' && len > suffix && !strcmp(name + len - suffix, CONTROL_SUFFIX);
}

static int is_socket_entry(const struct dirent *entry)
{
	return is_socket_name(entry->d_name);
}

static int list(bool json)
{
	char folder[CONTROL_PATH_LEN], path[CONTROL_PATH_LEN + NAME_MAX + 2];
	struct dirent **entries = NULL;
	int result = control_folder(folder, false);
	int count = 0;

	if (result && result != -ENOENT) {
		fprintf(stderr, "vmm ps: the folder of the control sockets: %s\n",
			strerror(-result));
		return EXIT_HOST_FAILURE;
	}
	if (!json)
		printf("%7s  %-16s %-8s %9s  %10s  %s\n", "PID", "NAME", "STATE", "SECONDS", "RAM",
		       "IMAGE");
	if (!result)
		count = scandir(folder, &entries, is_socket_entry, versionsort);
	for (int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
		show(path, json);
		free(entries[i]);
	}
	free(entries);
	return 0;
}

int command_ps(int argc, char **argv)
{
	bool json = argc == 2 && !strcmp(argv[1], "--json");

	if (usage_wants_help(argc, argv))
		return usage_print(help);
	if (argc > 1 && !json)
		return usage_refuse("ps",
				    "%s: there is no such option or argument; see vmm ps --help",
				    argv[1]);
	return list(json);
}
