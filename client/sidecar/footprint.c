/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcurl comes with some thirty libraries. Loading them, OpenSSL's initialisation and the first handshake touch 8 MiB of code
 * that is hardly needed again, and the kernel maps the neighbours of each page that is touched.
 */
#include "client/sidecar/footprint.h"

#include "common/base/memory.h"

#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

/* Relocations of the loader in segments that are not writable: such pages are not as in the file. */
static bool has_text_relocations(const struct dl_phdr_info *object)
{
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &object->dlpi_phdr[i];
        if (header->p_type != PT_DYNAMIC) {
            continue;
        }
        const ElfW(Dyn) *entry = (const void *)(object->dlpi_addr + header->p_vaddr);
        for (; entry->d_tag != DT_NULL; entry++) {
            if (entry->d_tag == DT_TEXTREL ||
                (entry->d_tag == DT_FLAGS && (entry->d_un.d_val & DF_TEXTREL) != 0)) {
                return true;
            }
        }
    }
    return false;
}

static int drop_constant_pages(struct dl_phdr_info *object, size_t size, void *ctx)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    (void)size;
    (void)ctx;
    if (has_text_relocations(object)) {
        return 0;
    }
    for (int i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &object->dlpi_phdr[i];
        if (header->p_type != PT_LOAD || (header->p_flags & PF_W) != 0) {
            continue;
        }
        const uintptr_t begin = (object->dlpi_addr + header->p_vaddr) & ~(page - 1);
        const uintptr_t end = (object->dlpi_addr + header->p_vaddr + header->p_memsz) & ~(page - 1);
        (void)madvise((void *)begin, end - begin, MADV_DONTNEED);
    }
    return 0;
}

void zl_footprint_shrink(void)
{
    zl_memory_give_back();
    (void)dl_iterate_phdr(drop_constant_pages, NULL);
}
