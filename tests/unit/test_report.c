/* SPDX-License-Identifier: MIT */
/*
 * Walks as text, through sound tables and through any bytes at all.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/image_builder.h"
#include "tests/unit/vm_fixture.h"
#include "vmm/report.h"

#define ADDRESS GVA(0x401000)
#define TARGET (16 * MIB)

/* What the host table does with the guest's tables. */
#define HOST "  (host: level 2 rwx-)\n"

static gpa_t root_of(struct vm *vm)
{
	return GPA(page_table_root(&vm->tables.space.table).value);
}

static char *guest_text_of(struct vm *vm, enum foreign_mode mode, gpa_t root, gva_t gva)
{
	char *text = NULL;
	size_t len;
	FILE *stream = open_memstream(&text, &len);
	struct foreign_paging paging;
	struct foreign_path path;

	foreign_paging_make(mode, root.value, 0, &paging);
	report_walk_guest(&vm->memory, &paging, gva, &path);
	report_print_guest(stream, &vm->memory, &path);
	fclose(stream);
	return text;
}

static char *guest_text(struct vm *vm, gpa_t root, gva_t gva)
{
	return guest_text_of(vm, FOREIGN_LONG4, root, gva);
}

static char *host_text(struct vm *vm, gpa_t gpa)
{
	char *text = NULL;
	size_t len;
	FILE *stream = open_memstream(&text, &len);

	report_print_host(stream, &vm->memory, gpa);
	fclose(stream);
	return text;
}

/* Nodes are taken in ascending order from the table's stretch, the root first. */
static void test_guest_walk_has_one_line_for_each_level(void **state)
{
	struct vm *vm = *state;
	char *text;

	assert_int_equal(guest_space_map(&vm->tables, ADDRESS, GPA(TARGET), PAGE_SIZE, 0,
					 PROP_READ | PROP_EXECUTE),
			 0);
	text = guest_text(vm, root_of(vm), GVA(ADDRESS.value + 0x123));
	assert_string_equal(text,
			    "  level 4 [  0] entry 0x3c00000 = 0x0000000003c01027  node  rwxu" HOST
			    "  level 3 [  0] entry 0x3c01000 = 0x0000000003c02027  node  rwxu" HOST
			    "  level 2 [  2] entry 0x3c02010 = 0x0000000003c03027  node  rwxu" HOST
			    "  level 1 [  1] entry 0x3c03008 = 0x0020000001000021  leaf  r-x-" HOST
			    "  = GPA 0x1000123  r-x-\n");
	free(text);
}

static void test_walk_of_what_is_not_mapped_ends_at_its_level(void **state)
{
	struct vm *vm = *state;
	char *text = guest_text(vm, root_of(vm), ADDRESS);

	assert_string_equal(text, "  level 4 [  0] entry 0x3c00000 = 0x0000000000000000" HOST
				  "  = not mapped: the entry of level 4 is not present\n");
	free(text);
}

static void test_walk_from_a_root_without_memory_says_so(void **state)
{
	struct vm *vm = *state;
	char *text = guest_text(vm, GPA(FIXTURE_MEMORY), ADDRESS);

	assert_string_equal(text, "  level 4 [  0] entry 0x4000000  (host: not mapped)\n"
				  "  = no memory where the entry of level 4 should be\n");
	free(text);
}

static void test_walk_of_an_address_that_is_not_canonical_has_no_level(void **state)
{
	struct vm *vm = *state;
	char *text = guest_text(vm, root_of(vm), GVA(UINT64_C(1) << 47));

	assert_string_equal(text, "  = not an address that the table translates\n");
	free(text);
}

static void test_host_walk_ends_at_the_frame(void **state)
{
	struct vm *vm = *state;
	char *text = host_text(vm, GPA(TARGET + 0x1234));
	struct pt_mapping leaf;
	char frame[64];

	assert_int_equal(gpa_space_query(&vm->memory, GPA(TARGET), &leaf), 0);
	snprintf(frame, sizeof(frame), "  = frame 0x%llx of the pool  rwx-  data, references: 1\n",
		 (unsigned long long)leaf.paddr.value + PAGE_SIZE);
	assert_non_null(strstr(text, frame));
	assert_non_null(strstr(text, "  level 2 [  8] entry "));
	assert_null(strstr(text, "level 1"));
	free(text);
}

static void test_host_walk_of_a_hole_says_so(void **state)
{
	struct vm *vm = *state;
	char *text;

	assert_int_equal(gpa_space_unmap(&vm->memory, GPA(TARGET), PAGE_SIZE, NULL), 0);
	text = host_text(vm, GPA(TARGET));
	assert_non_null(strstr(text, "  = not mapped: the entry of level 1 is not present\n"));
	free(text);
	text = host_text(vm, GPA(UINT64_MAX));
	assert_string_equal(text, "  = not an address that the table translates\n");
	free(text);
}

/* A guest may page in any way: here with PAE, whose top entries have no rights. */
static void test_walk_has_the_levels_of_its_paging(void **state)
{
	struct vm *vm = *state;
	uint64_t *words = gpa_space_pointer(&vm->memory, GPA(MIB), 3 * PAGE_SIZE, PROP_WRITE);
	char *text;

	words[4 + 1] = (MIB + PAGE_SIZE) | 1; /* at 32 bytes in the page */
	words[512] = (MIB + 2 * PAGE_SIZE) | 7;
	words[1024 + 3] = TARGET | 5;
	text = guest_text_of(vm, FOREIGN_PAE, GPA(MIB + 32), GVA(0x40003010));
	assert_string_equal(text,
			    "  level 3 [  1] entry 0x100028 = 0x0000000000101001  node  rwxu" HOST
			    "  level 2 [  0] entry 0x101000 = 0x0000000000102007  node  rwxu" HOST
			    "  level 1 [  3] entry 0x102018 = 0x0000000001000005  leaf  r-xu" HOST
			    "  = GPA 0x1000010  r-xu\n");
	free(text);
}

/* Entries of which most are present and point to others of them; some have any bits set. */
static void fill_with_entries(uint64_t *words, uint64_t len, uint64_t *random)
{
	for (uint64_t i = 0; i < len / sizeof(*words); i++) {
		uint64_t word = xorshift(random);

		words[i] = (word & (len - 1)) | 1;
		if (word >> 60 == 0)
			words[i] = xorshift(random);
		else if (word >> 62)
			words[i] &= ~UINT64_C(0x80); /* no large leaf */
	}
}

/* Any page can be called a table: the text then has a line for each level and one end. */
static void test_walk_through_any_bytes_ends(void **state)
{
	struct vm *vm = *state;
	uint64_t random = 88172645463325252;
	unsigned deepest = 0;

	fill_with_entries(gpa_space_pointer(&vm->memory, GPA(0), MIB, PROP_WRITE), MIB, &random);
	for (unsigned round = 0; round < 2000; round++) {
		gpa_t root = GPA(align_down(xorshift(&random) % (2 * MIB), PAGE_SIZE));
		char *text = guest_text(vm, root, GVA(xorshift(&random) >> 17));
		unsigned lines = 0;

		for (const char *at = text; *at; at++)
			lines += *at == '\n';
		assert_in_range(lines, 2, 5);
		assert_non_null(strstr(text, "\n  = "));
		deepest += lines == 5;
		free(text);
	}
	assert_in_range(deepest, 100, 2000);
}

#define VM_TEST(name) \
	cmocka_unit_test_setup_teardown(name, vm_fixture_setup_tables, vm_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		VM_TEST(test_guest_walk_has_one_line_for_each_level),
		VM_TEST(test_walk_of_what_is_not_mapped_ends_at_its_level),
		VM_TEST(test_walk_from_a_root_without_memory_says_so),
		VM_TEST(test_walk_of_an_address_that_is_not_canonical_has_no_level),
		cmocka_unit_test_setup_teardown(test_walk_has_the_levels_of_its_paging,
						vm_fixture_setup, vm_fixture_teardown),
		VM_TEST(test_host_walk_ends_at_the_frame),
		VM_TEST(test_host_walk_of_a_hole_says_so),
		cmocka_unit_test_setup_teardown(test_walk_through_any_bytes_ends, vm_fixture_setup,
						vm_fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
