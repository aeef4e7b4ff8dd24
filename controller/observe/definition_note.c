/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/observe/definition_note.h"

#include "common/base/memory.h"

#include <pthread.h>

struct zl_definition_note {
    pthread_mutex_t lock;
    char *complaint;
};

struct zl_definition_note *zl_definition_note_new(void)
{
    struct zl_definition_note *note = zl_alloc(sizeof *note);
    pthread_mutex_init(&note->lock, NULL);
    return note;
}

void zl_definition_note_free(struct zl_definition_note *note)
{
    if (note == NULL) {
        return;
    }
    pthread_mutex_destroy(&note->lock);
    free(note->complaint);
    free(note);
}

bool zl_definition_note_set(struct zl_definition_note *note, const char *complaint)
{
    pthread_mutex_lock(&note->lock);
    bool is_news = !zl_same_string(note->complaint, complaint);
    if (is_news) {
        zl_replace_string(&note->complaint, complaint);
    }
    pthread_mutex_unlock(&note->lock);
    return is_news;
}

char *zl_definition_note_text(struct zl_definition_note *note)
{
    pthread_mutex_lock(&note->lock);
    char *text = zl_strdup(note->complaint);
    pthread_mutex_unlock(&note->lock);
    return text;
}
