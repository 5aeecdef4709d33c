/* SPDX-License-Identifier: MIT */
/*
 * Statistics are collected as one JSON object; the text is the same object, flat.
 */
#include "vmm/statistics.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>

#include "mm/census.h"
#include "vmm/kvm.h"

#define NAME_MAX_LEN 80

static json_t *number(uint64_t value)
{
	return json_integer((json_int_t)value);
}

/* Frames of a domain by kind. */
static json_t *frames(const struct phys_domain *domain)
{
	struct domain_census census;
	json_t *object = json_object();

	domain_census(domain, &census);
	for (unsigned kind = 0; kind < FRAME_KINDS; kind++)
		json_object_set_new(object, frame_kind_name(kind), number(census.frames[kind]));
	return object;
}

/* Leaves by size. Not `complete`: the guest has spoilt its own table, and not all was seen. */
static json_t *table(const struct page_table *page_table)
{
	struct table_census census;
	int error = page_table_census(page_table, &census);

	return json_pack("{s:b, s:o, s:o, s:{s:o, s:o, s:o}}", "complete", error == 0, "nodes",
			 number(census.nodes), "tracked", number(census.tracked), "leaves", "4K",
			 number(census.leaves[1]), "2M", number(census.leaves[2]), "1G",
			 number(census.leaves[3]));
}

/* Exits that happened, by reason; several reasons may be "other". */
static json_t *exits(const struct vm_statistics *statistics)
{
	json_t *object = json_object();

	for (unsigned reason = 0; reason < VM_EXIT_REASONS; reason++) {
		const char *name = kvm_exit_name(reason);
		json_int_t before = json_integer_value(json_object_get(object, name));

		if (statistics->exits[reason])
			json_object_set_new(object, name,
					    number((uint64_t)before + statistics->exits[reason]));
	}
	return object;
}

static json_t *collect(const struct vm *vm)
{
	const struct vm_statistics *statistics = &vm->statistics;
	const struct gpa_space *memory = &vm->memory;
	json_t *tables = json_pack("{s:o}", "host", table(&memory->space.table));

	if (vm->has_tables)
		json_object_set_new(tables, "guest", table(&vm->tables.space.table));
	return json_pack("{s:{s:o, s:o}, s:o, s:o, s:{s:o, s:o}, s:{s:o, s:o, s:o}}", "frames",
			 "host", frames(&vm->pool.domain), "guest", frames(&memory->guest),
			 "tables", tables, "exits", exits(statistics), "open_bus", "reads",
			 number(statistics->open_bus_reads), "writes",
			 number(statistics->open_bus_writes), "nanoseconds", "create",
			 number(statistics->ns_create), "load", number(statistics->ns_load), "run",
			 number(statistics->ns_run));
}

/* "frames.host.data  32768": one line for each value below `object`, whose own name is `prefix`. */
static void print_flat(json_t *object, const char *prefix, FILE *stream)
{
	const char *key;
	json_t *value;

	json_object_foreach(object, key, value)
	{
		char name[NAME_MAX_LEN];

		snprintf(name, sizeof(name), "%s%s%s", prefix, prefix[0] ? "." : "", key);
		if (json_is_object(value))
			print_flat(value, name, stream);
		else if (json_is_integer(value))
			fprintf(stream, "%-28s %12" JSON_INTEGER_FORMAT "\n", name,
				json_integer_value(value));
		else
			fprintf(stream, "%-28s %12s\n", name,
				json_is_true(value) ? "true" : "false");
	}
}

static int print_json(json_t *object, FILE *stream)
{
	char *text = json_dumps(object, JSON_COMPACT);

	if (!text)
		return -ENOMEM;
	fprintf(stream, "%s\n", text);
	free(text);
	return 0;
}

int statistics_print(const struct vm *vm, enum statistics_form form, FILE *stream)
{
	json_t *object = collect(vm);
	int result = 0;

	if (!object)
		return -ENOMEM;
	if (form == STATISTICS_JSON)
		result = print_json(object, stream);
	else
		print_flat(object, "", stream);
	json_decref(object);
	return result;
}
