/* SPDX-License-Identifier: MIT */
/*
 * vmm pt as a user runs it, on a small core: exit codes and what is printed.
 */
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "mm/format.h"
#include "tests/unit/core_builder.h"
#include "vmm/command.h"
#include "vmm/ending.h"

#define WORDS_MAX 12
#define OUTPUT_MAX 65536
#define NX (UINT64_C(1) << 63)

/* Pages 1 to 4 are tables; page 0 and 5 to 7 are what they map. */
static uint64_t memory[8][512];
static struct core_bytes core;
static int core_fd = -1, other_fd = -1;
static char core_path[32], other_path[32];
static char output[OUTPUT_MAX];

/*
 * 0x400000: text of one page, data of two, one that a level above makes read-only, and one page
 * three times; a large leaf of the kernel at the beginning of its half.
 */
static void fill(void)
{
	memset(memory, 0, sizeof(memory));
	memory[1][0] = 0x2000 | 7;
	memory[1][256] = 0x2000 | 3;
	memory[2][0] = 0x3000 | 7;
	memory[2][1] = 0x3000 | 5;
	memory[3][0] = 0x00000000 | 0x83 | NX; /* also the null page */
	memory[3][2] = 0x4000 | 7;
	memory[4][0] = 0x5000 | 0x25;
	memory[4][1] = 0x6000 | 0x67 | NX;
	memory[4][2] = 0x7000 | 0x47 | NX;
	memory[4][4] = 0x7000 | 5 | NX;
	memory[4][5] = 0x7000 | 5 | NX;
	memory[4][6] = 0x7000 | 5 | NX;
	memcpy(memory[5], "some text of the guest", 23);
	memcpy((char *)memory[6] + 4090, "over the edge", 6);
	memcpy(memory[7], "he edge", 8);
}

static void build(uint32_t host_rights, int *fd, char path[32])
{
	struct core_plan plan = { .machine = EM_X86_64, .nr_loads = 1, .nr_cpus = 1 };

	plan.loads[0] = (struct core_load){ 0, sizeof(memory), memory };
	plan.cpus[0] = core_cpu_long(0x1000);
	plan.cpus[0].rsp = 0x401800;
	plan.has_vmm = true;
	plan.vmm_cpu.efer = 0xd00;
	plan.range = (struct core_vmm_range){ .len = 0x8000, .rights = host_rights, .level = 1 };
	core_build(&plan, &core);
	core_file(core.bytes, core.len, fd, path);
}

static int setup(void **state)
{
	(void)state;
	fill();
	build(PROP_RIGHTS, &core_fd, core_path);
	memory[4][1] = 0x6000 | 0x65 | NX;
	memory[4][9] = 0x5000 | 0x27;
	build(PROP_READ | PROP_EXECUTE, &other_fd, other_path);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	close(core_fd);
	close(other_fd);
	return 0;
}

/* Runs `vmm pt` with these words, up to NULL; CORE and OTHER are the files. Fills `output`. */
static int pt(const char *word, ...)
{
	char *argv[WORDS_MAX + 2] = { (char[]){ "pt" } };
	int argc = 1, saved = dup(STDOUT_FILENO), fd = memfd_create("output", 0), code;
	va_list words;
	ssize_t len;

	va_start(words, word);
	for (; word; word = va_arg(words, const char *)) {
		assert_true(argc <= WORDS_MAX);
		argv[argc++] = strdup(!strcmp(word, "CORE")  ? core_path :
				      !strcmp(word, "OTHER") ? other_path :
							       word);
	}
	va_end(words);
	fflush(stdout);
	dup2(fd, STDOUT_FILENO);
	code = command_pt(argc, argv);
	fflush(stdout);
	dup2(saved, STDOUT_FILENO);
	close(saved);
	len = pread(fd, output, sizeof(output) - 1, 0);
	assert_true(len >= 0);
	output[len] = '\0';
	close(fd);
	while (argc > 1)
		free(argv[--argc]);
	return code;
}

static void has(const char *part)
{
	if (!strstr(output, part))
		fail_msg("no '%s' in:\n%s", part, output);
}

static void has_not(const char *part)
{
	if (strstr(output, part))
		fail_msg("'%s' in:\n%s", part, output);
}

static unsigned lines(void)
{
	unsigned nr = 0;

	for (const char *at = output; *at; at++)
		nr += *at == '\n';
	return nr;
}

static void test_dump_shows_runs(void **state)
{
	(void)state;
	assert_int_equal(pt("dump", "CORE", NULL), 0);
	has("vCPU 0 of 1, CR3 0x1000, 4-level paging\n");
	has("\n0000000000000000 0000000000200000       2M   2M   rw--       =   ---    WB "
	    "0000000000000000\n");
	has("\n0000000000400000 0000000000401000       4K   4K   r-xu       =   A--    WB "
	    "0000000000005000\n");
	has("\n0000000000401000 0000000000403000       8K   4K   rw-u       =   aD-    WB "
	    "0000000000006000\n");
	has("\n0000000000404000 0000000000407000      12K   4K   r--u       =   ---    WB "
	    "0000000000007000 each\n");
	/* By the second way, read-only; in the kernel's half, not for users. */
	has("\n0000000040401000 0000000040403000       8K   4K   r--u    rw-u   aD-    WB ");
	has("\nffff800000401000 ffff800000403000       8K   4K   rw--    rw-u   aD-    WB ");
	assert_int_equal(lines(), 2 + 4 * 4);
}

static void test_filters_and_ranges_choose(void **state)
{
	(void)state;
	assert_int_equal(pt("dump", "CORE", "x", "u", NULL), 0);
	assert_int_equal(lines(), 2 + 2);
	assert_int_equal(pt("dump", "CORE", "u+w|size=2M", NULL), 0);
	assert_int_equal(lines(), 2 + 1 + 4);
	assert_int_equal(pt("dump", "CORE", "lost", "!u", NULL), 0);
	assert_int_equal(lines(), 2 + 1 + 3 + 4);
	assert_int_equal(pt("dump", "CORE", "same", "--range", "0..0x40000000", NULL), 0);
	assert_int_equal(lines(), 2 + 1);
	assert_int_equal(pt("dump", "CORE", "!accessed", "dirty", "--range", "0..0x40000000", NULL),
			 0);
	assert_int_equal(lines(), 2 + 1);
	has("\n0000000000402000 0000000000403000");
	assert_int_equal(pt("dump", "CORE", "--flat", "--range", "0x400000..0x600000", NULL), 0);
	assert_int_equal(lines(), 2 + 6);
	assert_int_equal(pt("dump", "CORE", "--holes", "--range", "0x400000..0x600000", NULL), 0);
	has("\n0000000000403000 0000000000404000       4K   not present, level 1\n");
	has("\n0000000000407000 0000000000600000    2020K   not present, level 1, 505 entries\n");
}

static void test_json_is_json_and_says_what_tsv_says(void **state)
{
	json_t *document, *runs, *run;

	(void)state;
	assert_int_equal(pt("dump", "CORE", "--format", "json", NULL), 0);
	document = json_loads(output, 0, NULL);
	assert_non_null(document);
	assert_string_equal(json_string_value(json_object_get(document, "cr3")), "0x1000");
	assert_int_equal(json_integer_value(json_object_get(document, "vcpu")), 0);
	runs = json_object_get(document, "runs");
	assert_int_equal(json_array_size(runs), 16);
	run = json_array_get(runs, 2);
	assert_string_equal(json_string_value(json_object_get(run, "start")), "0x401000");
	assert_string_equal(json_string_value(json_object_get(run, "last")), "0x402fff");
	assert_int_equal(json_integer_value(json_object_get(run, "leaves")), 2);
	assert_string_equal(json_string_value(json_object_get(run, "accessed")), "some");
	json_decref(document);
	assert_int_equal(pt("dump", "CORE", "--format", "tsv", NULL), 0);
	has("0x401000\t0x402fff\t8192\tmapped\t1\t2\trw-u\trw-u\tsome\tall\tnone\tWB\t0x6000\t"
	    "4096\t0x4008\t0x8000000000006067\t\n");
	assert_int_equal(lines(), 17);
}

/* A row of tsv as the JSON of pt_rows.h has it: compares one object with the next line. */
static void compare_row(json_t *object, char **names, char **line)
{
	char *column, *field, *rest = *names;

	for (char *row = strsep(line, "\n"); (field = strsep(&row, "\t"));) {
		json_t *value;
		char text[24];

		column = strsep(&rest, "\t");
		assert_non_null(column);
		value = json_object_get(object, column);
		if (!strcmp(field, "-")) {
			assert_true(json_is_null(value));
			continue;
		}
		snprintf(text, sizeof(text), "%" JSON_INTEGER_FORMAT, json_integer_value(value));
		assert_string_equal(json_is_integer(value) ? text : json_string_value(value),
				    field);
	}
	assert_null(rest);
}

static void compare_formats(const char *command, const char *word, size_t rows)
{
	json_t *document, *object;
	char *tsv, *line, *names;
	size_t i;

	pt(command, "CORE", "--format", "json", word, NULL);
	document = json_loads(output, 0, NULL);
	assert_non_null(document);
	assert_int_equal(json_array_size(document), rows);
	pt(command, "CORE", "--format", "tsv", word, NULL);
	line = tsv = strdup(output);
	names = strsep(&line, "\n");
	json_array_foreach(document, i, object)
	{
		char *copy = strdup(names);

		compare_row(object, &(char *){ copy }, &line);
		free(copy);
	}
	assert_string_equal(line, "");
	free(tsv);
	json_decref(document);
}

static void test_rows_are_the_same_in_json_and_tsv(void **state)
{
	(void)state;
	compare_formats("audit", NULL, 1);
	compare_formats("alias", NULL, 36);
	compare_formats("search", "he edge", 16);
	compare_formats("stat", NULL, 19);
	compare_formats("diff", "OTHER", 8);
	compare_formats("diff", "CORE", 0);
}

static void test_walk_says_where_rights_are_lost(void **state)
{
	json_t *document;

	(void)state;
	assert_int_equal(pt("walk", "CORE", "0x40401008", NULL), 0);
	has("level 3 [  1] entry 0x000000002008 = 0x0000000000003005  table r-xu WB  "
	    "takes away -w--\n");
	has("= GPA 0x6008  r--u, in a leaf of 4K\n        host: level 1 rwx frame 0x6008\n");
	assert_int_equal(pt("walk", "CORE", "0x403000", NULL), 1);
	has("  = not mapped: the entry of level 1 is not present\n");
	assert_int_equal(pt("walk", "CORE", "--format", "json", "0x400010", NULL), 0);
	document = json_loads(output, 0, NULL);
	assert_non_null(document);
	assert_string_equal(json_string_value(json_object_get(document, "gpa")), "0x5010");
	assert_int_equal(json_array_size(json_object_get(document, "steps")), 4);
	json_decref(document);
}

static void test_find_and_alias_go_the_other_way(void **state)
{
	(void)state;
	assert_int_equal(pt("find", "CORE", "0x7008", "--range", "0..0x40000000", NULL), 0);
	has("\n0000000000007008  rw--  in a leaf of 2M\n");
	has("\n0000000000402008  rw-u  in a leaf of 4K\n");
	has("\n0000000000404008  r--u  in a leaf of 4K, and in each of the 2 after it\n");
	assert_int_equal(lines(), 4);
	assert_int_equal(pt("find", "CORE", "0x200000", NULL), 1);
	has("no address maps");
	assert_int_equal(pt("alias", "CORE", "--range", "0x400000..0x600000", NULL), 0);
	has("\nGPA 0x7000  4K  4 times:  ");
	has("\n4K of physical memory are mapped more than once\n");
}

static void test_audit_finds_and_says_so_by_its_exit_code(void **state)
{
	(void)state;
	assert_int_equal(pt("audit", "CORE", "--range", "0x400000..0x600000", NULL), 1);
	has("\nnull             0000000000000000 0000000000001000  the null page is mapped: ");
	has("\naudit: 1 null\n");
	assert_int_equal(pt("audit", "OTHER", "--range", "0x400000..0x600000", NULL), 1);
	has("\nwx               0000000000409000 000000000040a000  writable and executable: "
	    "rwxu\n");
	has("\naudit: 1 wx, 1 null, 2 host\n");
	assert_int_equal(pt("audit", "CORE", "--format", "tsv", NULL), 1);
	assert_string_equal(output, "check\tstart\tlast\tdetail\nnull\t0x0\t0xfff\tGPA 0x0\n");
	/* Where the host has memory, and less rights than the guest. */
	assert_int_equal(pt("audit", "OTHER", "--format", "tsv", NULL), 1);
	has("\nhost\t0x402000\t0x402fff\tGPA 0x7000 without -w--\n");
	has("\nhost\t0x0\t0x7fff\tGPA 0x0 without -w--\n");
}

static void test_diff_shows_what_changed(void **state)
{
	(void)state;
	assert_int_equal(pt("diff", "CORE", "CORE", NULL), 0);
	has("\n0 differences\n");
	assert_int_equal(pt("diff", "CORE", "OTHER", "--range", "0x400000..0x600000", NULL), 1);
	has("\n- 0000000000401000 0000000000402000 rw-u by leaf rw-u, leaf 4K, at 0x6000\n"
	    "+ 0000000000401000 0000000000402000 r--u by leaf r--u, leaf 4K, at 0x6000\n");
	has("\n+ 0000000000409000 000000000040a000 rwxu by leaf rwxu, leaf 4K, at 0x5000\n");
	has("\n2 differences\n");
	assert_int_equal(pt("diff", "--format", "tsv", "CORE", "OTHER", "--range",
			    "0x400000..0x600000", NULL),
			 1);
	has("\nadded\t0x409000\t0x409fff\t-\t-\t0\t0x0\trwxu\trwxu\t1\t0x5000\n");
}

static void test_bytes_are_read_and_found(void **state)
{
	(void)state;
	assert_int_equal(pt("read", "CORE", "0x400005", "20", NULL), 0);
	has("\n0000000000400005: 74 65 78 74 20 6f 66 20 74 68 65 20 67 75 65 73  "
	    "text of the gues\n0000000000400015: 74 00 00 00 ");
	assert_int_equal(pt("read", "CORE", "--binary", "gpa:0x5000", "9", NULL), 0);
	assert_string_equal(output, "some text");
	/* Over the end of a page, to one that is elsewhere. */
	assert_int_equal(
		pt("search", "CORE", "over the edge", "--range", "0x400000..0x600000", NULL), 0);
	has("\n0000000000401ffa  rw-u");
	assert_int_equal(lines(), 2);
	assert_int_equal(pt("search", "CORE", "x:736f6d65", "u", NULL), 0);
	has("\n0000000000400000  r-xu");
	assert_int_equal(pt("search", "CORE", "0x2007", "x", NULL), 1);
	assert_int_equal(pt("read", "CORE", "0x403000", "1", NULL), EXIT_HOST_FAILURE);
}

static void test_figures(void **state)
{
	(void)state;
	assert_int_equal(pt("stat", "CORE", "--format", "tsv", NULL), 0);
	has("\nleaves_level_1\t24\n");
	has("\nleaves_level_2\t4\n");
	has("\ntables_level_1\t1\nrevisits_level_1\t3\n");
	has("\nbytes_physical\t2097152\nbytes_tables\t16384\n");
	assert_int_equal(pt("host", "CORE", NULL), 0);
	has("\n0000000000000000 0000000000008000      32K   4K   rwx- ");
}

static void test_other_tables_can_be_asked_for(void **state)
{
	(void)state;
	assert_int_equal(pt("dump", "CORE", "--cr3", "0x1000", "--paging", "npt", NULL), 0);
	has("CR3 0x1000 as asked for, NPT, 4 levels\n");
	assert_int_equal(pt("dump", "--raw", "CORE", "--cr3", "0x1000", NULL), 0);
	has("no vCPU, CR3 0x1000 as asked for, 4-level paging\n");
}

/* Composed from the formats in Linux' dump_pagetables.c. */
static void test_ptdump_is_written_as_linux_writes_it(void **state)
{
	(void)state;
	assert_int_equal(pt("dump", "CORE", "--format", "ptdump", NULL), 0);
	has("---[ User Space ]---\n"
	    "0x0000000000000000-0x0000000000200000           2M     RW         PSE         NX pmd\n"
	    "0x0000000000200000-0x0000000000400000           2M                               "
	    "pmd\n"
	    "0x0000000000400000-0x0000000000401000           4K USR ro                     x  pte\n"
	    "0x0000000000401000-0x0000000000402000           4K USR RW                     NX "
	    "pte\n");
	has("-0xffff800000000000   17179737600G                               pgd\n"
	    "---[ Kernel Space ]---\n"
	    "0xffff800000000000-0xffff800000200000 ");
	has("-0x0000000000000000 ");
}

/* One run of a level that the format does not have: the root's own. */
static void test_a_root_without_memory_is_shown(void **state)
{
	(void)state;
	assert_int_equal(pt("dump", "CORE", "--paging", "5-level", "--cr3", "0x1000000", "--format",
			    "svg", NULL),
			 0);
	has(">1 \303\227 128P</text>\n");
	assert_int_equal(pt("dump", "CORE", "--paging", "5-level", "--cr3", "0x1000000", "--format",
			    "ptdump", NULL),
			 0);
	has(" pgd\n");
}

static void test_addresses_may_be_symbols(void **state)
{
	(void)state;
	assert_in_range(pt("walk", "CORE", "--sym", "/proc/self/exe", "main+4", NULL), 0, 1);
	has(" main+0x4\n");
	assert_int_equal(pt("walk", "CORE", "--sym", "/proc/self/exe", "no_such_name", NULL),
			 EXIT_HOST_FAILURE);
	assert_int_equal(pt("walk", "CORE", "--sym", "CORE", "0", NULL), EXIT_HOST_FAILURE);
}

static void test_bad_use_is_refused(void **state)
{
	(void)state;
	assert_int_equal(pt("dump", NULL), EXIT_HOST_FAILURE);
	assert_int_equal(pt("drop", "CORE", NULL), EXIT_HOST_FAILURE);
	assert_int_equal(pt("walk", "CORE", NULL), EXIT_HOST_FAILURE);
	assert_int_equal(pt("walk", "CORE", "here", NULL), EXIT_HOST_FAILURE);
	assert_int_equal(pt("dump", "CORE", "w+", NULL), EXIT_HOST_FAILURE);
	assert_int_equal(pt("dump", "CORE", "--range", "5..4", NULL), EXIT_HOST_FAILURE);
	assert_int_equal(pt("dump", "CORE", "--vcpu", "1", NULL), EXIT_HOST_FAILURE);
	assert_int_equal(pt("dump", "CORE", "--format", "xml", NULL), EXIT_HOST_FAILURE);
	assert_int_equal(pt("dump", "CORE", "--holes", "w", NULL), EXIT_HOST_FAILURE);
	assert_int_equal(pt("dump", "/nowhere", NULL), EXIT_HOST_FAILURE);
	assert_int_equal(pt("dump", "--raw", "CORE", NULL), EXIT_HOST_FAILURE);
	assert_int_equal(pt("--help", NULL), 0);
	has("Usage: vmm pt");
	has_not("(null)");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dump_shows_runs),
		cmocka_unit_test(test_filters_and_ranges_choose),
		cmocka_unit_test(test_json_is_json_and_says_what_tsv_says),
		cmocka_unit_test(test_rows_are_the_same_in_json_and_tsv),
		cmocka_unit_test(test_walk_says_where_rights_are_lost),
		cmocka_unit_test(test_find_and_alias_go_the_other_way),
		cmocka_unit_test(test_audit_finds_and_says_so_by_its_exit_code),
		cmocka_unit_test(test_diff_shows_what_changed),
		cmocka_unit_test(test_bytes_are_read_and_found),
		cmocka_unit_test(test_figures),
		cmocka_unit_test(test_other_tables_can_be_asked_for),
		cmocka_unit_test(test_ptdump_is_written_as_linux_writes_it),
		cmocka_unit_test(test_a_root_without_memory_is_shown),
		cmocka_unit_test(test_addresses_may_be_symbols),
		cmocka_unit_test(test_bad_use_is_refused),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
