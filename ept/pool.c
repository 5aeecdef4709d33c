/* SPDX-License-Identifier: MIT */
/*
 * The pool of host memory: see pool.h.
 */
#include "ept/pool.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ept/host_memory.h"

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* Linux 6.3; it implies MFD_ALLOW_SEALING */
#endif

#define POOL_GRANULE (UINT64_C(4) << 20)

/* Nodes that lie only partly in RAM, and removed ones that wait for a grace period. */
#define POOL_SLACK (UINT64_C(1) << 20)

uint64_t host_pool_len_for(uint64_t ram_len)
{
	/* A node for each 512 leaves, one for each 512 nodes, and so on. */
	uint64_t nodes = ram_len / (NODE_ENTRIES - 1);

	return align_down(ram_len + nodes + POOL_SLACK + POOL_GRANULE - 1, POOL_GRANULE);
}

/* Kernels that do not know a flag say -EINVAL. */
static int memfd_open(void)
{
	int fd = memfd_create("vmm-pool", MFD_CLOEXEC | MFD_NOEXEC_SEAL);

	if (fd < 0 && errno == EINVAL)
		fd = memfd_create("vmm-pool", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	return fd < 0 ? -errno : fd;
}

/* A file of exactly `len` bytes for ever: who has mapped it gets no SIGBUS. */
static int file_create(uint64_t len)
{
	int fd = memfd_open();
	int error;

	if (fd < 0)
		return fd;
	if (ftruncate(fd, (off_t)len) == 0 &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW) == 0)
		return fd;
	error = -errno;
	close(fd);
	return error;
}

static int file_map(struct host_pool *pool)
{
	int error;

	pool->memory = host_memory_reserve(pool->len);
	if (!pool->memory)
		return -errno;
	if (mmap(pool->memory, pool->len, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_NORESERVE | MAP_FIXED, pool->fd, 0) != MAP_FAILED)
		return 0;
	error = -errno;
	host_memory_release(pool->memory, pool->len);
	return error;
}

static uint64_t slots_len(const struct host_pool *pool)
{
	return pool->len / PAGE_SIZE * sizeof(struct slot);
}

/*
 * The allocator looks at every slot at once, and RAM claims nearly all of them soon after: one call
 * costs the kernel half of what two faults for each page of them would. Both calls are advice.
 */
static int slots_create(struct host_pool *pool)
{
	pool->slots = host_memory_zeroed(slots_len(pool));
	if (!pool->slots)
		return -errno;
	madvise(pool->slots, slots_len(pool), MADV_HUGEPAGE);
	madvise(pool->slots, slots_len(pool), MADV_POPULATE_WRITE);
	return 0;
}

static int frames_create(struct host_pool *pool)
{
	uint64_t nr_frames = pool->len / PAGE_SIZE;
	int error = slots_create(pool);

	if (error)
		return error;
	error = domain_init(&pool->domain, pool->slots, nr_frames, pool->memory);
	/* A guest sees frames only while they are mapped. */
	pool->domain.private_memory = true;
	if (!error)
		error = allocator_add(&pool->domain, PADDR(0), nr_frames);
	if (error)
		host_memory_release(pool->slots, slots_len(pool));
	return error;
}

int host_pool_create(struct host_pool *pool, uint64_t len)
{
	int error;

	if (len == 0 || (len - 1) / PAGE_SIZE >= SLOT_NONE)
		return -EINVAL;
	*pool = (struct host_pool){ .len = align_down(len + PAGE_SIZE - 1, PAGE_SIZE) };
	pool->fd = file_create(pool->len);
	if (pool->fd < 0)
		return pool->fd;
	error = file_map(pool);
	if (error)
		goto close_file;
	error = frames_create(pool);
	if (error)
		goto unmap_file;
	return 0;

unmap_file:
	host_memory_release(pool->memory, pool->len);
close_file:
	close(pool->fd);
	return error;
}

void host_pool_destroy(struct host_pool *pool)
{
	host_memory_release(pool->slots, slots_len(pool));
	host_memory_release(pool->memory, pool->len);
	close(pool->fd);
}

int host_pool_clear(struct host_pool *pool, paddr_t paddr, uint64_t len)
{
	return fallocate(pool->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)paddr.value,
			 (off_t)len) ?
		       -errno :
		       0;
}
