/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer target: the input is a file, and goes through image_identify() and every parser, not
 * only the one that it is for. A broken promise of vmm/image.h ends in abort().
 *
 * Needs no seeds: the mutator puts in a sound image now and then, and changes headers more often
 * than contents. Guest images can be seeds all the same.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/image_builder.h"
#include "tests/unit/image_promises.h"
#include "vmm/image.h"

/* What libFuzzer calls, and what it offers to the mutator. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t size_max);

static void require(bool holds, const char *promise)
{
	if (holds)
		return;
	fprintf(stderr, "broken promise: %s\n", promise);
	abort();
}

static void check(int result, const struct image *image, size_t len,
		  const struct image_error *error)
{
	const char *broken = result ? image_error_broken_promise(error) :
				      image_broken_promise(image, len);

	require(result == 0 || result == -ENOEXEC, "the result is 0 or -ENOEXEC");
	require(!broken, broken);
}

/* Whether the file is identified as the kind. */
static bool identified(const void *file, size_t len, enum image_kind kind)
{
	enum image_kind found;
	struct image_error error;
	int result = image_identify(file, len, &found, &error);

	if (result)
		check(result, NULL, len, &error);
	return result == 0 && found == kind;
}

static void check_elf64(const void *file, size_t len)
{
	struct image image;
	struct image_error error;
	bool found = identified(file, len, IMAGE_ELF64);
	int result = image_parse_elf64(file, len, &image, &error);

	check(result, &image, len, &error);
	require(result || found, "what is accepted is identified");
}

static void check_multiboot(const void *file, size_t len)
{
	struct image image;
	struct image_error error;
	bool found = identified(file, len, IMAGE_MULTIBOOT);
	int result = image_parse_multiboot(file, len, &image, &error);

	check(result, &image, len, &error);
	require(result || found, "what is accepted is identified");
}

/* The command line is what the file ends with. */
static void check_raw(const uint8_t *file, size_t len)
{
	uint64_t numbers[3] = { 0 };
	struct image_raw_options options;
	struct image image;
	struct image_error error;

	if (len >= sizeof(numbers))
		memcpy(numbers, file + len - sizeof(numbers), sizeof(numbers));
	options = (struct image_raw_options){
		.mode = (enum image_mode)(numbers[0] % 3),
		.load = GPA(numbers[1]),
		.entry = numbers[1] + numbers[2],
	};
	check(image_parse_raw(file, len, &options, &image, &error), &image, len, &error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_elf64(data, size);
	check_multiboot(data, size);
	check_raw(data, size);
	return 0;
}

static size_t put_sound_image(uint8_t *data, size_t size_max, bool elf64)
{
	const struct elf64_image image64 = elf64_image_make();
	const struct multiboot_image image32 = multiboot_image_make();
	size_t size32 = offsetof(struct multiboot_image, content) + 64;
	size_t size = elf64 ? sizeof(image64) : size32;

	if (size > size_max)
		size = size_max;
	memcpy(data, elf64 ? (const void *)&image64 : &image32, size);
	return size;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t size_max, unsigned seed)
{
	const size_t headers_len = 256;

	if (seed % 64 == 0)
		size = put_sound_image(data, size_max, seed / 64 % 2);
	if (seed % 4 == 1 || size <= headers_len)
		return LLVMFuzzerMutate(data, size, size_max);
	LLVMFuzzerMutate(data, headers_len, headers_len);
	return size;
}
