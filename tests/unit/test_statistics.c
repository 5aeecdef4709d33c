/* SPDX-License-Identifier: MIT */
/*
 * The figures of `--stats`, in both forms, and the audit of a VM.
 */
#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/vm_fixture.h"
#include "vmm/kvm.h"
#include "vmm/statistics.h"
#include "vmm/vm_audit.h"

/* What a function prints. */
struct text {
	char *bytes;
	size_t len;
	FILE *stream;
};

static void text_open(struct text *text)
{
	text->stream = open_memstream(&text->bytes, &text->len);
	assert_non_null(text->stream);
}

static json_t *statistics_json(const struct vm *vm)
{
	struct text text;
	json_t *object;

	text_open(&text);
	assert_int_equal(statistics_print(vm, STATISTICS_JSON, text.stream), 0);
	fclose(text.stream);
	assert_ptr_equal(strchr(text.bytes, '\n'), text.bytes + text.len - 1);
	object = json_loads(text.bytes, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(object);
	free(text.bytes);
	return object;
}

/* The figure with this dotted name; -1 if there is none. */
static json_int_t figure(json_t *object, const char *name)
{
	char path[80];
	char *rest;

	snprintf(path, sizeof(path), "%s", name);
	for (char *key = strtok_r(path, ".", &rest); key; key = strtok_r(NULL, ".", &rest))
		object = json_object_get(object, key);
	return json_is_integer(object) ? json_integer_value(object) : -1;
}

static void test_frames_and_leaves_of_the_host_add_up(void **state)
{
	struct vm *vm = *state;
	json_t *object = statistics_json(vm);
	json_int_t pages = figure(object, "tables.host.leaves.4K") +
			   512 * figure(object, "tables.host.leaves.2M") +
			   512 * 512 * figure(object, "tables.host.leaves.1G");
	json_int_t all = 0;

	assert_int_equal(pages, FIXTURE_MEMORY / PAGE_SIZE);
	assert_int_equal(figure(object, "frames.host.data"), pages);
	assert_int_equal(figure(object, "frames.host.node"), figure(object, "tables.host.nodes"));
	for (unsigned kind = 0; kind < FRAME_KINDS; kind++) {
		char name[40];

		snprintf(name, sizeof(name), "frames.host.%s",
			 frame_kind_name((enum frame_kind)kind));
		all += figure(object, name);
	}
	assert_int_equal(all, vm->pool.domain.nr_frames);
	json_decref(object);
}

static void test_guest_table_is_there_if_the_vmm_built_one(void **state)
{
	struct vm *vm = *state;
	json_t *object = statistics_json(vm);

	assert_int_equal(figure(object, "tables.guest.nodes"), -1);
	json_decref(object);

	vm_fixture_add_tables(vm, FIXTURE_TABLES, FIXTURE_TABLES_LEN, 3);
	assert_int_equal(guest_space_map(&vm->tables, GVA(0x400000), GPA(0x400000), 3 * PAGE_SIZE,
					 1, PROP_READ),
			 0);
	object = statistics_json(vm);
	assert_int_equal(figure(object, "tables.guest.leaves.4K"), 3);
	assert_int_equal(figure(object, "tables.guest.tracked"), 3);
	assert_int_equal(figure(object, "frames.guest.guest"), 3);
	assert_true(json_is_true(json_object_get(
		json_object_get(json_object_get(object, "tables"), "guest"), "complete")));
	json_decref(object);
}

static void test_exits_are_named_and_only_those_that_happened(void **state)
{
	struct vm *vm = *state;
	json_t *object;

	vm->statistics.exits[KVM_EXIT_IO] = 12;
	vm->statistics.exits[KVM_EXIT_HLT] = 1;
	vm->statistics.exits[VM_EXIT_REASONS - 1] = 3;
	vm->statistics.exits[VM_EXIT_REASONS - 2] = 4;
	object = statistics_json(vm);
	assert_int_equal(figure(object, "exits.io"), 12);
	assert_int_equal(figure(object, "exits.hlt"), 1);
	assert_int_equal(figure(object, "exits.other"), 7);
	assert_int_equal(figure(object, "exits.mmio"), -1);
	json_decref(object);
}

static void test_counters_and_times_are_there(void **state)
{
	struct vm *vm = *state;
	json_t *object;

	vm->statistics.open_bus_reads = 1;
	vm->statistics.open_bus_writes = 2;
	vm->statistics.ns_create = 3;
	vm->statistics.ns_load = 4;
	vm->statistics.ns_run = 5;
	object = statistics_json(vm);
	assert_int_equal(figure(object, "open_bus.reads"), 1);
	assert_int_equal(figure(object, "open_bus.writes"), 2);
	assert_int_equal(figure(object, "nanoseconds.create"), 3);
	assert_int_equal(figure(object, "nanoseconds.load"), 4);
	assert_int_equal(figure(object, "nanoseconds.run"), 5);
	json_decref(object);
}

static void test_text_has_the_same_figures_under_the_same_names(void **state)
{
	struct vm *vm = *state;
	json_t *object = statistics_json(vm);
	struct text text;
	unsigned figures = 0;
	char *rest;

	text_open(&text);
	assert_int_equal(statistics_print(vm, STATISTICS_TEXT, text.stream), 0);
	fclose(text.stream);
	for (char *line = strtok_r(text.bytes, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest)) {
		char name[80], value[80];

		assert_int_equal(sscanf(line, "%79s %79s", name, value), 2);
		if (strcmp(value, "true") && strcmp(value, "false"))
			assert_int_equal(figure(object, name), strtoll(value, NULL, 10));
		figures++;
	}
	assert_true(figures > 2 * FRAME_KINDS);
	free(text.bytes);
	json_decref(object);
}

static void test_sound_vm_is_audited_in_silence(void **state)
{
	struct vm *vm = *state;
	struct text text;

	text_open(&text);
	assert_int_equal(vm_audit(vm, text.stream), 0);
	fclose(text.stream);
	assert_int_equal(text.len, 0);
	free(text.bytes);
}

static void test_audit_names_what_does_not_hold(void **state)
{
	struct vm *vm = *state;
	struct slot *slot = domain_slot_at(&vm->pool.domain, PADDR(0));
	uint32_t before = slot_state(slot);
	struct text text;

	atomic_store(&slot->state, before + 1);
	text_open(&text);
	assert_int_equal(vm_audit(vm, text.stream), -EUCLEAN);
	fclose(text.stream);
	atomic_store(&slot->state, before);
	assert_non_null(strstr(text.bytes, "audit of the host's pool: INV-"));
	assert_non_null(strstr(text.bytes, "frame 0x0"));
	free(text.bytes);
}

#define VM_TEST(test) cmocka_unit_test_setup_teardown(test, vm_fixture_setup, vm_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		VM_TEST(test_frames_and_leaves_of_the_host_add_up),
		VM_TEST(test_guest_table_is_there_if_the_vmm_built_one),
		VM_TEST(test_exits_are_named_and_only_those_that_happened),
		VM_TEST(test_counters_and_times_are_there),
		VM_TEST(test_text_has_the_same_figures_under_the_same_names),
		VM_TEST(test_sound_vm_is_audited_in_silence),
		VM_TEST(test_audit_names_what_does_not_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
