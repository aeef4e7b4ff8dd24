/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/observe/definition_note.h"

#include "common/base/memory.h"
#include "common/objects/definition.h"

#include <pthread.h>

struct zl_definition_note {
    pthread_mutex_t lock;
    char *field; /* that is dropped; NULL: none is known */
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
    free(note->field);
    free(note);
}

bool zl_definition_note_set(struct zl_definition_note *note, const struct cJSON *written,
                            const char *field)
{
    pthread_mutex_lock(&note->lock);
    bool tells = field != NULL || note->field == NULL || zl_definition_writes(written, note->field);
    bool is_news = tells && field != NULL && !zl_same_string(note->field, field);
    if (tells) {
        zl_replace_string(&note->field, field);
    }
    pthread_mutex_unlock(&note->lock);
    return is_news;
}

char *zl_definition_note_text(struct zl_definition_note *note)
{
    pthread_mutex_lock(&note->lock);
    char *text = note->field != NULL ? zl_definition_complaint(note->field) : NULL;
    pthread_mutex_unlock(&note->lock);
    return text;
}
