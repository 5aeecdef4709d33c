/* SPDX-License-Identifier: MIT */
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#include "mm/format.h"
#include "tests/unit/memory_probe.h"

#define MAPPINGS_MAX 200000 /* 0.3 s to make them all */

static void pipe_open(int ends[2])
{
	assert_int_equal(pipe2(ends, O_NONBLOCK | O_CLOEXEC), 0);
}

static void pipe_close(const int ends[2])
{
	close(ends[0]);
	close(ends[1]);
}

bool memory_is_readable(const void *address, uint8_t *byte)
{
	bool readable;
	uint8_t value;
	int ends[2];

	pipe_open(ends);
	readable = write(ends[1], address, 1) == 1;
	if (readable)
		assert_int_equal(read(ends[0], byte ? byte : &value, 1), 1);
	pipe_close(ends);
	return readable;
}

bool memory_is_writable(void *address)
{
	uint8_t byte = 0;
	bool writable;
	int ends[2];

	memory_is_readable(address, &byte);
	pipe_open(ends);
	assert_int_equal(write(ends[1], &byte, 1), 1);
	writable = read(ends[0], address, 1) == 1;
	pipe_close(ends);
	return writable;
}

uint32_t memory_rights(void *page)
{
	return (memory_is_readable(page, NULL) ? PROP_READ : 0) |
	       (memory_is_writable(page) ? PROP_WRITE : 0);
}

unsigned memory_mappings(const void *start, uint64_t len)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	uintptr_t first, end;
	unsigned count = 0;
	char line[512];

	assert_non_null(maps);
	while (fgets(line, sizeof(line), maps))
		if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR, &first, &end) == 2)
			count += first < (uintptr_t)start + len && end > (uintptr_t)start;
	fclose(maps);
	return count;
}

uint64_t memory_used(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	uint64_t pages = 0;

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%" SCNu64, &pages), 1);
	fclose(file);
	return pages * PAGE_SIZE;
}

static struct rlimit limit_before;

void memory_limit(uint64_t more)
{
	struct rlimit limit;

	assert_int_equal(getrlimit(RLIMIT_AS, &limit_before), 0);
	limit = (struct rlimit){ memory_used() + more, limit_before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_AS, &limit), 0);
}

void memory_unlimit(void)
{
	assert_int_equal(setrlimit(RLIMIT_AS, &limit_before), 0);
}

static unsigned char *hoard;
static size_t hoard_len;

static unsigned long mappings_limit(void)
{
	FILE *file = fopen("/proc/sys/vm/max_map_count", "re");
	unsigned long limit = 0;

	assert_non_null(file);
	assert_int_equal(fscanf(file, "%lu", &limit), 1);
	fclose(file);
	return limit;
}

/* Pages that may and may not be read in turn: each is a mapping. */
bool memory_mappings_exhaust(void)
{
	unsigned long limit = mappings_limit();
	unsigned char *page;

	if (limit > MAPPINGS_MAX)
		return false;
	hoard_len = (limit + 2) * PAGE_SIZE;
	hoard = mmap(NULL, hoard_len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
		     0);
	assert_ptr_not_equal(hoard, MAP_FAILED);
	page = hoard + PAGE_SIZE;
	while (mprotect(page, PAGE_SIZE, PROT_READ) == 0)
		page += 2 * PAGE_SIZE;
	return true;
}

void memory_mappings_restore(void)
{
	assert_int_equal(munmap(hoard, hoard_len), 0);
}
