/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/view/job_notes.h"

#include "common/base/hash.h"
#include "common/base/memory.h"

#include <string.h>

struct zl_job_write {
    char *namespace_;
    uint64_t version;
    UT_hash_handle hh;
};

static void drop(struct zl_job_notes *notes, struct zl_job_write *write)
{
    HASH_DELETE(hh, notes->writes, write);
    free(write->namespace_);
    free(write);
}

void zl_job_notes_clear(struct zl_job_notes *notes)
{
    struct zl_job_write *write = NULL;
    struct zl_job_write *next = NULL;
    HASH_ITER(hh, notes->writes, write, next)
    {
        drop(notes, write);
    }
}

void zl_job_notes_wrote(struct zl_job_notes *notes, const char *namespace_, uint64_t version)
{
    struct zl_job_write *write = NULL;
    pthread_mutex_lock(&notes->lock);
    HASH_FIND_STR(notes->writes, namespace_, write);
    if (write == NULL) {
        write = zl_alloc(sizeof *write);
        write->namespace_ = zl_strdup(namespace_);
        HASH_ADD_KEYPTR(hh, notes->writes, write->namespace_, strlen(write->namespace_), write);
    }
    write->version = version > write->version ? version : write->version;
    pthread_mutex_unlock(&notes->lock);
}

bool zl_job_notes_are_seen(struct zl_job_notes *notes, const char *namespace_, uint64_t position)
{
    struct zl_job_write *write = NULL;
    pthread_mutex_lock(&notes->lock);
    HASH_FIND_STR(notes->writes, namespace_, write);
    const bool seen = write == NULL || position >= write->version;
    if (seen && write != NULL) {
        drop(notes, write);
    }
    pthread_mutex_unlock(&notes->lock);
    return seen;
}
