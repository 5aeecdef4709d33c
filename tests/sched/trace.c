/* SPDX-License-Identifier: MIT */
/* Names for cells, and places in the sources by addr2line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/sched/cell.h"
#include "tests/sched/trace.h"

#define EVENTS_MAX 8192
#define PLACE_LENGTH 120

static struct event {
	int thread;
	struct access access;
	char place[PLACE_LENGTH];
} events[EVENTS_MAX];
static unsigned nr_events;

void trace_begin(void)
{
	nr_events = 0;
}

void trace_add(const struct access *access)
{
	if (sched.trace && access->kind != ACCESS_READ && nr_events < EVENTS_MAX)
		events[nr_events++] = (struct event){ sched.current, *access, "" };
}

struct field {
	const char *name;
	size_t offset;
	size_t size;
};

#define FIELD(type, name)                                                            \
	{                                                                            \
#name, offsetof(struct type, name), sizeof(((struct type *)0)->name) \
	}

static const struct field slot_fields[] = {
	FIELD(slot, state), FIELD(slot, list), FIELD(slot, next),	 FIELD(slot, prev),
	FIELD(slot, lock),  FIELD(slot, type), FIELD(slot, locked_next), FIELD(slot, nr_children),
};

static const struct field domain_fields[] = {
	FIELD(phys_domain, lock),	FIELD(phys_domain, tables),
	FIELD(phys_domain, deferred),	FIELD(phys_domain, nr_deferred),
	FIELD(phys_domain, nr_corrupt),
};

static const struct field world_fields[] = {
	FIELD(world, domain), FIELD(world, spaces), FIELD(world, observers), FIELD(world, handles),
	FIELD(world, unique), FIELD(world, held),   FIELD(world, words),     FIELD(world, flags),
};

/* The name of the field at `offset`, else "byte N". */
static const char *field_at(const struct field *fields, size_t nr, size_t offset, char *text,
			    size_t size)
{
	for (size_t i = 0; i < nr; i++)
		if (offset - fields[i].offset < fields[i].size)
			return fields[i].name;
	snprintf(text, size, "byte %zu", offset);
	return text;
}

#define FIELD_AT(fields, offset, text) \
	field_at(fields, sizeof(fields) / sizeof(fields[0]), offset, text, sizeof(text))

/* "words+8": the field, and the byte of it. */
static void name_in_world(uint32_t cell, char *text, size_t size)
{
	for (size_t i = 0; i < sizeof(world_fields) / sizeof(world_fields[0]); i++) {
		const struct field *field = &world_fields[i];

		if (cell - field->offset < field->size)
			snprintf(text, size, "%s+%zu", field->name, cell - field->offset);
	}
}

void access_cell_name(uint32_t cell, char *text, size_t size)
{
	size_t slots = offsetof(struct world, slots);
	char buffer[32];
	int frame = cell_frame(cell);

	if (cell == CELL_OF_SECTIONS)
		snprintf(text, size, "read sections");
	else if (frame >= 0)
		snprintf(text, size, "entry %u of frame %d",
			 (cell - CELLS_OF_WORLD) % (unsigned)(PAGE_SIZE / 8), frame);
	else if (cell - slots < sizeof(world->slots))
		snprintf(text, size, "%s of slot %zu",
			 FIELD_AT(slot_fields, (cell - slots) % sizeof(struct slot), buffer),
			 (cell - slots) / sizeof(struct slot));
	else if (cell < sizeof(struct phys_domain))
		snprintf(text, size, "domain: %s", FIELD_AT(domain_fields, cell, buffer));
	else
		name_in_world(cell, text, size);
}

static const char *order_name(int order)
{
	static const char *const names[] = { "relaxed", "consume", "acquire",
					     "release", "acq_rel", "seq_cst" };

	return order >= 0 && order < 6 ? names[order] : "?";
}

static void describe(const struct access *access, char *text, size_t size)
{
	unsigned long long value = access->value, written = access->written;

	switch (access->kind) {
	case ACCESS_LOAD:
		snprintf(text, size, "load   %#llx %s", value, order_name(access->order));
		break;
	case ACCESS_STORE:
		snprintf(text, size, "store  %#llx %s", value, order_name(access->order));
		break;
	case ACCESS_CHANGE:
		snprintf(text, size, "change %#llx to %#llx %s", value, written,
			 order_name(access->order));
		break;
	case ACCESS_READ:
		snprintf(text, size, "read");
		break;
	case ACCESS_WRITE:
		snprintf(text, size, "write");
		break;
	case ACCESS_ENTER:
		snprintf(text, size, "enter");
		break;
	case ACCESS_LEAVE:
		snprintf(text, size, "leave");
		break;
	case ACCESS_GRACE:
		snprintf(text, size, "grace");
		break;
	case ACCESS_SLEEP:
		snprintf(text, size, "sleep  if %#llx", value);
		break;
	case ACCESS_WAKE:
		snprintf(text, size, "wake   %llu", value);
		break;
	}
}

/* Folder names go: "mm/lock.h:38". */
static void place_add(char *place, const char *line)
{
	const char *slash = strrchr(line, '/');
	size_t used = strlen(place);

	snprintf(place + used, PLACE_LENGTH - used, "%s%s", used ? " < " : "",
		 slash ? slash + 1 : line);
}

/* addr2line prints an address, then its line, and those that it was inlined into. */
static void places_read(FILE *lines)
{
	char line[512];
	int event = -1;
	unsigned nr = 0;

	while (fgets(line, sizeof(line), lines)) {
		line[strcspn(line, " \n")] = '\0';
		if (strncmp(line, "0x", 2) == 0) {
			event++;
			nr = 0;
		} else if (event >= 0 && event < (int)nr_events && nr++ < 3) {
			place_add(events[event].place, line);
		}
	}
}

static void places_find(void)
{
	char list[] = "/tmp/sched-XXXXXX", command[256];
	int descriptor = mkstemp(list);
	FILE *file = descriptor < 0 ? NULL : fdopen(descriptor, "w");

	if (!file)
		return;
	for (unsigned i = 0; i < nr_events; i++)
		fprintf(file, "%p\n", events[i].access.place);
	fclose(file);
	snprintf(command, sizeof(command), "addr2line -a -i -e /proc/%d/exe <%s 2>/dev/null",
		 (int)getpid(), list);
	file = popen(command, "r");
	if (file) {
		places_read(file);
		pclose(file);
	}
	unlink(list);
}

void access_trace_print(void)
{
	places_find();
	for (unsigned i = 0; i < nr_events; i++) {
		const struct event *event = &events[i];
		char name[64], what[96];

		access_cell_name(event->access.cell, name, sizeof(name));
		describe(&event->access, what, sizeof(what));
		printf("#   %c  %-28s %-36s %s\n", 'a' + event->thread, name, what, event->place);
	}
	if (nr_events == EVENTS_MAX)
		printf("#   (and what came after)\n");
}
