/* SPDX-License-Identifier: Apache-2.0 */
/*
 * news.c - Events, decoded to what the timeline tells.
 */
#include "client/dashboard/timeline.h"

#include "client/explain/texts.h"
#include "common/base/clock.h"

#include <string.h>

static const struct zl_json_shape INVOLVED[] = {{.name = "kind"}, {.name = "name"}, {.name = NULL}};
static const struct zl_json_shape SOURCE[] = {{.name = "component"}, {.name = NULL}};
static const struct zl_json_shape SERIES[] = {
    {.name = "count"}, {.name = "lastObservedTime"}, {.name = NULL}};
static const struct zl_json_shape METADATA[] = {{.members = ZL_META_SHAPE}};
const struct zl_json_shape ZL_NEWS_SHAPE[] = {{.name = "metadata", .members = METADATA},
                                              {.name = "involvedObject", .members = INVOLVED},
                                              {.name = "source", .members = SOURCE},
                                              {.name = "series", .members = SERIES},
                                              {.name = "reason"},
                                              {.name = "message"},
                                              {.name = "type"},
                                              {.name = "count"},
                                              {.name = "eventTime"},
                                              {.name = "lastTimestamp"},
                                              {.name = NULL}};

/* Of the programs, or of whoever was refused a pod by them: its message quotes the webhook. */
static bool is_ours(const struct cJSON *object)
{
    const char *component = zl_json_text(object, "source", "component", NULL);
    const char *message = zl_json_text(object, "message", NULL);
    if (component != NULL && strncmp(component, "zen-lead", strlen("zen-lead")) == 0) {
        return true;
    }
    return zl_same_string(zl_json_text(object, "reason", NULL), "FailedCreate") &&
           message != NULL && zl_known_text_find(message) != NULL;
}

static int64_t time_of(const struct cJSON *object, int64_t created_us)
{
    int64_t us = 0;
    if (zl_time_parse(zl_json_text(object, "series", "lastObservedTime", NULL), &us) ||
        zl_time_parse(zl_json_text(object, "lastTimestamp", NULL), &us) ||
        zl_time_parse(zl_json_text(object, "eventTime", NULL), &us)) {
        return us;
    }
    return created_us;
}

enum zl_status zl_news_decode(const struct cJSON *object, struct zl_news **out,
                              struct zl_error *err)
{
    *out = NULL;
    if (!is_ours(object)) {
        return ZL_OK;
    }
    struct zl_news *news = zl_alloc(sizeof *news);
    const enum zl_status status = zl_meta_decode(object, &news->meta, err);
    if (status != ZL_OK) {
        zl_news_free(news);
        return status;
    }
    news->kind = zl_strdup(zl_json_text(object, "involvedObject", "kind", NULL));
    news->name = zl_strdup(zl_json_text(object, "involvedObject", "name", NULL));
    news->reason = zl_strdup(zl_json_text(object, "reason", NULL));
    news->message = zl_strdup(zl_json_text(object, "message", NULL));
    news->at_us = time_of(object, news->meta.created_us);
    news->count =
        zl_json_i64(object, zl_json_i64(object, 1, "count", NULL), "series", "count", NULL);
    news->warning = zl_same_string(zl_json_text(object, "type", NULL), "Warning");
    *out = news;
    return ZL_OK;
}

void zl_news_free(void *object)
{
    struct zl_news *news = object;
    if (news == NULL) {
        return;
    }
    zl_meta_clear(&news->meta);
    free(news->kind);
    free(news->name);
    free(news->reason);
    free(news->message);
    free(news);
}
