/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/review_door.h"

#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/monitor.h"
#include "common/kube/informer_health.h"
#include "common/objects/review_path.h"

#include <pthread.h>
#include <string.h>

enum { READ_AGAIN_MS = 1000, READ_TIMEOUT_MS = 500 };

static const struct zl_metric UNHEARD = {
    .name = "zen_lead_reviews_unheard_total",
    .type = ZL_METRIC_COUNTER,
    .help = "Requests at a path of reviews that is none of this installation's: forged, or sent "
            "with a configuration that is not zen-lead's.",
};
const struct zl_metric *const ZL_REVIEW_DOOR_METRICS[] = {&UNHEARD, NULL};

struct zl_review_door {
    struct zl_kube_client *client;
    const char *namespace_;
    struct zl_informer *secret;
    pthread_mutex_t lock; /* of what follows; held for no I/O */
    struct zl_review_tokens tokens;
    bool has_read;
    int64_t read_again_ms; /* not before; of zl_clock_ms */
};

/* --- what is known --- */

/* TOKENS is taken. A Secret that is gone takes nothing away: the controller makes it again with the token in use. */
static void learn(struct zl_review_door *door, struct zl_review_tokens *tokens)
{
    pthread_mutex_lock(&door->lock);
    bool was_open = door->tokens.exists;
    door->has_read = true;
    if (tokens->token != NULL || !was_open) {
        zl_review_tokens_clear(&door->tokens);
        door->tokens = *tokens;
        *tokens = (struct zl_review_tokens){0};
    }
    pthread_mutex_unlock(&door->lock);
    zl_review_tokens_clear(tokens);
}

static void *copy_tokens(const struct zl_review_tokens *tokens)
{
    struct zl_review_tokens *copy = zl_alloc(sizeof *copy);
    *copy = *tokens;
    copy->token = zl_strdup(tokens->token);
    copy->previous = zl_strdup(tokens->previous);
    return copy;
}

static enum zl_status decode(void *ctx, const struct cJSON *object, void **out,
                             struct zl_error *err)
{
    ZL_AUTO_TOKENS struct zl_review_tokens tokens = {0};
    (void)ctx;
    (void)err;
    zl_review_tokens_decode(object, &tokens);
    *out = copy_tokens(&tokens);
    return ZL_OK;
}

static void free_tokens(void *object)
{
    zl_review_tokens_clear(object);
    free(object);
}

static void changed(void *ctx, const void *old_object, const void *new_object)
{
    (void)old_object;
    if (new_object == NULL) {
        return;
    }
    struct zl_review_tokens *copy = copy_tokens(new_object);
    learn(ctx, copy);
    free(copy);
}

/* Once in READ_AGAIN_MS, and by one thread: the others answer by what is known. */
static bool may_read(struct zl_review_door *door)
{
    int64_t now_ms = zl_clock_ms();
    pthread_mutex_lock(&door->lock);
    bool may = now_ms >= door->read_again_ms;
    if (may) {
        door->read_again_ms = now_ms + READ_AGAIN_MS;
    }
    pthread_mutex_unlock(&door->lock);
    return may;
}

static void read_now(struct zl_review_door *door)
{
    struct zl_error err = {0};
    ZL_AUTO_JSON struct cJSON *object = NULL;
    const struct zl_kube_target target = {.resource = &ZL_KUBE_SECRETS,
                                          .namespace_ = door->namespace_,
                                          .name = ZL_REVIEW_SECRET,
                                          .deadline_ms = zl_clock_ms() + READ_TIMEOUT_MS,
                                          .shape = ZL_REVIEW_SECRET_SHAPE};
    if (zl_kube_get(door->client, &target, &object, &err) == ZL_OK) {
        struct zl_review_tokens tokens = {0};
        zl_review_tokens_decode(object, &tokens);
        learn(door, &tokens);
    }
}

/* That there is no Secret must have been said, too: who may not read it hears nobody. */
static bool has_looked(struct zl_review_door *door)
{
    pthread_mutex_lock(&door->lock);
    bool has_read = door->has_read;
    pthread_mutex_unlock(&door->lock);
    return has_read || zl_informer_is_synced(door->secret);
}

static bool is_known(struct zl_review_door *door, const char *path)
{
    bool looked = has_looked(door);
    pthread_mutex_lock(&door->lock);
    bool known = looked && zl_review_tokens_accept(&door->tokens, path);
    pthread_mutex_unlock(&door->lock);
    return known;
}

bool zl_review_door_opens(struct zl_review_door *door, const char *path)
{
    bool is_plain = strcmp(path, ZL_REVIEW_PATH_PLAIN) == 0;
    if (!is_plain &&
        strncmp(path, ZL_REVIEW_PATH_PLAIN "/", strlen(ZL_REVIEW_PATH_PLAIN "/")) != 0) {
        return false; /* another route's */
    }
    bool opens = is_known(door, path);
    /* What cannot be a token of ours is not worth a read. */
    if (!opens && (is_plain || zl_review_path_token(path) != NULL) && may_read(door)) {
        read_now(door);
        opens = is_known(door, path);
    }
    if (!opens) {
        zl_metric_add(&UNHEARD, NULL, NULL, 1);
    }
    return opens;
}

char *zl_review_door_complaint(struct zl_review_door *door)
{
    return has_looked(door) ? NULL
                            : zl_asprintf("Secret %s/" ZL_REVIEW_SECRET
                                          " has not been read: look at the Role zen-lead-webhook",
                                          door->namespace_);
}

/* --- start and stop --- */

struct zl_review_door *zl_review_door_start(struct zl_kube_client *client,
                                            struct zl_informer_thread *thread,
                                            const char *namespace_)
{
    struct zl_review_door *door = zl_alloc(sizeof *door);
    const struct zl_informer_spec spec = {
        .resource = &ZL_KUBE_SECRETS,
        .thread = thread,
        .namespace_ = namespace_,
        .field_selector = "metadata.name=" ZL_REVIEW_SECRET,
        .shape = ZL_REVIEW_SECRET_SHAPE,
        .decode = decode,
        .free_object = free_tokens,
        .on_change = changed,
        .ctx = door,
    };
    door->client = client;
    door->namespace_ = namespace_;
    zl_short_lock_init(&door->lock);
    door->secret = zl_informer_new(client, &spec);
    zl_informer_start(door->secret);
    return door;
}

void zl_review_door_free(struct zl_review_door *door)
{
    if (door == NULL) {
        return;
    }
    zl_informer_free(door->secret);
    zl_review_tokens_clear(&door->tokens);
    pthread_mutex_destroy(&door->lock);
    free(door);
}
