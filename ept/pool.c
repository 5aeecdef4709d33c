/* SPDX-License-Identifier: MIT */
/*
 * The pool: a memfd, its mapping, its slots.
 */
#include "ept/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define GRANULE (UINT64_C(4) << 20)
#define LEN_MAX (UINT64_C(1) << 43)

uint64_t host_pool_len_for(uint64_t ram_len)
{
	/* A node for each 512 leaves, and for each 512 of those nodes: less than 1/510 in all. */
	return ram_len + ram_len / 510 + GRANULE;
}

static int memfd(uint64_t len)
{
	int fd = memfd_create("vmm-pool", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int error;

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)len) == 0 &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
		return fd;
	error = -errno;
	close(fd);
	return error;
}

static void *map(int fd, uint64_t len)
{
	int flags = MAP_NORESERVE | (fd < 0 ? MAP_PRIVATE | MAP_ANONYMOUS : MAP_SHARED);
	void *memory = mmap(NULL, len, PROT_READ | PROT_WRITE, flags, fd, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static uint64_t slots_len(uint64_t len)
{
	return (len >> PAGE_SHIFT) * sizeof(struct slot);
}

int host_pool_create(struct host_pool *pool, uint64_t len)
{
	int error;

	if (len == 0 || len > LEN_MAX)
		return -EINVAL;
	pool->len = align_down(len + GRANULE - 1, GRANULE);
	pool->fd = memfd(pool->len);
	if (pool->fd < 0)
		return pool->fd;
	error = -ENOMEM;
	pool->memory = map(pool->fd, pool->len);
	if (!pool->memory)
		goto close_fd;
	pool->slots = map(-1, slots_len(pool->len));
	if (!pool->slots)
		goto unmap_memory;
	error = domain_init(&pool->domain, pool->slots, pool->len >> PAGE_SHIFT, pool->memory);
	if (error == 0)
		error = allocator_add(&pool->domain, PADDR(0), pool->len >> PAGE_SHIFT);
	if (error == 0)
		return 0;
	munmap(pool->slots, slots_len(pool->len));
unmap_memory:
	munmap(pool->memory, pool->len);
close_fd:
	close(pool->fd);
	return error;
}

void host_pool_destroy(struct host_pool *pool)
{
	munmap(pool->slots, slots_len(pool->len));
	munmap(pool->memory, pool->len);
	close(pool->fd);
}
