/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/listen/trim.h"

#include <link.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Of what has been written to, relocations and data, nothing. A refusal changes nothing. */
static int trim_object(struct dl_phdr_info *info, size_t size, void *page)
{
	uintptr_t mask = *(uintptr_t *)page - 1;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		uintptr_t begin = (info->dlpi_addr + p->p_vaddr + mask) & ~mask;
		uintptr_t end = (info->dlpi_addr + p->p_vaddr + p->p_memsz) & ~mask;

		if (p->p_type == PT_LOAD && !(p->p_flags & PF_W) && begin < end)
			(void)syscall(SYS_madvise, begin, end - begin, MADV_DONTNEED);
	}
	return 0;
}

void listen_trim(void)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	(void)dl_iterate_phdr(trim_object, &page);
}
