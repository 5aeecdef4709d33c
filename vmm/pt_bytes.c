/* SPDX-License-Identifier: MIT */
/*
 * vmm pt read and search: the bytes behind the addresses.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/command_pt.h"
#include "vmm/number.h"
#include "vmm/pt_rows.h"
#include "vmm/refuse.h"

#define LINE 16

/* Where bytes are read from. */
struct reader {
	struct pt_call *call;
	bool physical;
	uint64_t address;
};

/* Bytes from the reader's address on, up to the end of its page. 0: there are none. */
static uint64_t read_some(struct reader *reader, unsigned char *to, uint64_t len)
{
	const struct pt_view *view = &reader->call->views[0];
	uint64_t rest = PAGE_SIZE - (reader->address & (PAGE_SIZE - 1));
	uint64_t gpa = reader->address;

	if (!reader->physical) {
		struct foreign_path path;

		foreign_translate(&view->paging, &view->memory, reader->address, &path);
		if (path.end != FOREIGN_MAPPED)
			return 0;
		gpa = path.address;
	}
	len = pt_source_read(view->source, gpa, to, len < rest ? len : rest);
	reader->address += len;
	return len;
}

static void print_line(struct pt_out *out, uint64_t address, const unsigned char *bytes, size_t len)
{
	char *to = pt_put_hex16(pt_out_begin(out), address);

	*to++ = ':';
	for (size_t i = 0; i < LINE; i++) {
		*to++ = ' ';
		if (i < len) {
			*to++ = "0123456789abcdef"[bytes[i] >> 4];
			*to++ = "0123456789abcdef"[bytes[i] & 15];
		} else {
			to = PT_PUT(to, "  ");
		}
	}
	to = PT_PUT(to, "  ");
	for (size_t i = 0; i < len; i++)
		*to++ = bytes[i] >= 0x20 && bytes[i] < 0x7f ? (char)bytes[i] : '.';
	*to++ = '\n';
	pt_out_end(out, to);
}

/* The bytes themselves, or lines of them; stops where there are no more. */
static uint64_t read_print(struct reader *reader, uint64_t len, bool binary)
{
	struct pt_out *out = &reader->call->out;
	uint64_t done = 0;

	while (done < len && !out->error) {
		uint64_t wanted = len - done < LINE ? len - done : LINE;
		uint64_t begin = reader->address;
		unsigned char bytes[LINE];
		uint64_t got = 0, part;

		while (got < wanted && (part = read_some(reader, bytes + got, wanted - got)))
			got += part;
		if (got && binary)
			pt_out_end(out, pt_put(pt_out_begin(out), (const char *)bytes, got));
		else if (got)
			print_line(out, begin, bytes, got);
		done += got;
		if (got < wanted)
			break;
	}
	return done;
}

int pt_command_read(struct pt_call *call)
{
	struct reader reader = { .call = call };
	const char *word = call->words[0];
	uint64_t len, done;
	int result;

	reader.physical = !strncmp(word, "gpa:", 4);
	if (reader.physical && !number_read_whole(word + 4, &reader.address))
		return refuse(&call->error, -EINVAL, "'%.60s' is no address", word);
	if (!reader.physical && (result = pt_call_address(call, word, &reader.address)))
		return result;
	if (!size_read(call->words[1], &len))
		return refuse(&call->error, -EINVAL, "'%.60s' is no length", call->words[1]);
	if (!call->options.binary)
		pt_call_describe(call, 0);
	done = read_print(&reader, len, call->options.binary);
	if (done == len)
		return 0;
	return refuse(&call->error, -EFAULT, "there is no memory behind 0x%" PRIx64,
		      reader.address);
}

#define PATTERN_MAX 4096
#define SEARCH_CHUNK 65536
/* Aliases may map far more than there is memory: more is not looked at. */
#define SEARCH_MAX (UINT64_C(1) << 36)

struct search {
	struct pt_call *call;
	const struct pt_filter *filter;
	struct pt_seen seen;
	struct pt_rows rows;
	size_t len;
	unsigned char pattern[PATTERN_MAX];
	unsigned char buffer[PATTERN_MAX + SEARCH_CHUNK];
	size_t kept;	 /* bytes of the buffer that are from before, less than the pattern */
	uint64_t next;	 /* the address after the kept ones */
	uint64_t looked; /* bytes */
	uint64_t found;
	bool cut_off;
};

static bool pattern_bytes(struct search *search, const char *digits)
{
	for (; isxdigit((unsigned char)digits[0]) && isxdigit((unsigned char)digits[1]);
	     digits += 2) {
		const char byte[] = { digits[0], digits[1], '\0' };

		if (search->len == PATTERN_MAX)
			return false;
		search->pattern[search->len++] = (unsigned char)strtoul(byte, NULL, 16);
	}
	return !*digits && search->len;
}

/* x:0a1b.. is bytes, a number is eight bytes as the processor stores it, all else is text. */
static bool pattern_parse(struct search *search, const char *word)
{
	uint64_t number;

	if (!strncmp(word, "x:", 2))
		return pattern_bytes(search, word + 2);
	if (number_read_whole(word, &number)) {
		memcpy(search->pattern, &number, sizeof(number));
		search->len = sizeof(number);
		return true;
	}
	if (!strncmp(word, "s:", 2))
		word += 2;
	search->len = strlen(word);
	if (search->len == 0 || search->len > PATTERN_MAX)
		return false;
	memcpy(search->pattern, word, search->len);
	return true;
}

static void print_hit(struct search *search, uint64_t address, const struct foreign_run *run)
{
	struct pt_out *out = &search->call->out;
	char rights[PT_RIGHTS_LEN + 1], symbol[256];

	search->found++;
	*pt_put_rights(rights, run->rights) = '\0';
	*pt_put_symbol(symbol, &search->call->symbols, address, 1) = '\0';
	if (pt_rows_wanted(search->call))
		pt_rows_put(&search->rows, "0x%" PRIx64 "\t%s\t%s", address, rights, symbol);
	else
		pt_out_print(out, "%016" PRIx64 "  %s  %s\n", address, rights, symbol);
}

/* Looks at bytes that follow those which were kept. */
static void search_chunk(struct search *search, size_t len, const struct foreign_run *run)
{
	size_t all = search->kept + len;
	uint64_t address = search->next - search->kept;
	const unsigned char *at = search->buffer;

	while ((at = memmem(at, all - (size_t)(at - search->buffer), search->pattern, search->len)))
		print_hit(search, address + (uint64_t)(at++ - search->buffer), run);
	search->kept = all < search->len - 1 ? all : search->len - 1;
	memmove(search->buffer, search->buffer + all - search->kept, search->kept);
	search->next += len;
}

/* A page that is mapped again and again is looked at twice: once more for where it meets itself. */
static int search_run(void *context, const struct foreign_run *run)
{
	struct search *search = context;
	uint64_t size = run->len / run->nr;
	uint64_t len = run->step ? run->len : size * (run->nr > 1 ? 2 : 1);
	uint64_t done = 0;

	if (run->end != FOREIGN_MAPPED ||
	    (search->filter &&
	     !pt_filter_passes(search->filter, &search->call->views[0].paging, run)))
		return 0;
	if (run->start != search->next) {
		search->kept = 0;
		search->next = run->start;
	}
	while (done < len && !search->call->out.error) {
		uint64_t gpa = run->address + (run->step ? done : done % size);
		uint64_t part = len - done < SEARCH_CHUNK ? len - done : SEARCH_CHUNK;

		if (!run->step && part > size - done % size)
			part = size - done % size;
		part = pt_source_read(search->call->views[0].source, gpa,
				      search->buffer + search->kept, part);
		if (!part)
			break;
		search_chunk(search, part, run);
		done += part;
		search->looked += part;
	}
	search->cut_off = search->looked > SEARCH_MAX;
	return search->cut_off ? 1 : search->call->out.error;
}

static bool search_seen(void *context, uint64_t table, unsigned level, uint64_t start)
{
	struct search *search = context;

	(void)start;
	return pt_seen(&search->seen, table, level);
}

static int search_all(struct search *search, struct pt_filter *filter)
{
	struct pt_call *call = search->call;
	const struct pt_view *view = &call->views[0];
	struct foreign_visitor visitor = {
		.run = search_run,
		.seen = search_seen,
		.context = search,
		.first = call->options.first,
		.last = call->options.last,
		.revisits = FOREIGN_REVISITS,
	};
	int result = 0;

	for (int i = 1; i < call->nr_words && !result; i++)
		result = pt_filter_add(filter, call->words[i], &call->error);
	if (result)
		return result;
	search->filter = filter;
	pt_filter_visit(filter, &view->paging, &visitor);
	pt_call_describe(call, 0);
	pt_rows_begin(&search->rows, call, "address\trights\tsymbol");
	foreign_walk(&view->paging, &view->memory, &visitor, NULL);
	pt_rows_end(&search->rows);
	if (search->cut_off && pt_rows_wanted(call))
		fprintf(stderr, "cut off after %" PRIu64 " bytes\n", search->looked);
	else if (search->cut_off)
		pt_out_print(&call->out, "cut off after %" PRIu64 " bytes\n", search->looked);
	return search->found ? 0 : PT_FOUND;
}

int pt_command_search(struct pt_call *call)
{
	struct pt_filter filter = { .nr = 0 };
	struct search *search;
	int result;

	result = pt_rows_check(call, "search");
	if (result)
		return result;
	search = calloc(1, sizeof(*search));
	if (!search)
		return refuse(&call->error, -ENOMEM, "no memory");
	search->call = call;
	if (pattern_parse(search, call->words[0]))
		result = search_all(search, &filter);
	else
		result = refuse(&call->error, -EINVAL, "'%.60s' is nothing to search for",
				call->words[0]);
	pt_seen_free(&search->seen);
	free(search);
	return result;
}
