/* SPDX-License-Identifier: Apache-2.0 */
#include "common/kube/event_object.h"

#include "common/base/clock.h"

#define MESSAGE_MAX_BYTES 1024
#define NAME_MAX_BYTES 253
#define SUFFIX_BYTES 17 /* a dot and 16 digits */

/* At most the limit, cut between two characters of UTF-8. */
static size_t cut_length(const char *message)
{
    size_t length = strlen(message);
    if (length <= MESSAGE_MAX_BYTES) {
        return length;
    }
    length = MESSAGE_MAX_BYTES;
    while (length > 0 && ((unsigned char)message[length] & 0xC0u) == 0x80u) {
        length--;
    }
    return length;
}

struct zl_event_job *zl_event_job_new(const struct zl_event_object *object, bool warning,
                                      const char *reason, const char *message)
{
    struct zl_event_job *job = zl_alloc(sizeof *job);
    job->api_version = zl_strdup(object->api_version);
    job->kind = zl_strdup(object->kind);
    job->namespace_ = zl_strdup(object->namespace_ == NULL ? "" : object->namespace_);
    job->name = zl_strdup(object->name);
    job->uid = zl_strdup(object->uid == NULL ? "" : object->uid);
    job->message = zl_strndup(message, cut_length(message));
    job->reason = reason;
    job->warning = warning;
    job->wall_us = zl_clock_wall_us();
    return job;
}

void zl_event_job_free(struct zl_event_job *job)
{
    if (job == NULL) {
        return;
    }
    free(job->api_version);
    free(job->kind);
    free(job->namespace_);
    free(job->name);
    free(job->uid);
    free(job->message);
    free(job);
}

void zl_event_job_cleanup(struct zl_event_job **job)
{
    zl_event_job_free(*job);
    *job = NULL;
}

char *zl_event_reason_key(const struct zl_event_job *job)
{
    return zl_asprintf("%s\n%s\n%s\n%s\n%s\n%d\n%s", job->api_version, job->kind, job->namespace_,
                       job->name, job->uid, job->warning, job->reason);
}

char *zl_event_series_key(const struct zl_event_job *job)
{
    ZL_AUTO_FREE char *reason = zl_event_reason_key(job);
    return zl_asprintf("%s\n%s", reason, job->message);
}

char *zl_event_new_name(const struct zl_event_job *job)
{
    size_t length = strlen(job->name);
    if (length > NAME_MAX_BYTES - SUFFIX_BYTES) {
        length = NAME_MAX_BYTES - SUFFIX_BYTES;
    }
    /* The cut may leave "a-" or "a.": a name's parts end with a letter or digit. */
    while (length > 0 && (job->name[length - 1] == '-' || job->name[length - 1] == '.')) {
        length--;
    }
    return zl_asprintf("%.*s.%016llx", (int)length, job->name, (unsigned long long)zl_random());
}

const char *zl_event_namespace(const struct zl_event_job *job)
{
    return *job->namespace_ == '\0' ? "default" : job->namespace_;
}

static void set_time(struct cJSON *object, const char *name, int64_t wall_us)
{
    char text[ZL_TIME_TEXT_MAX];
    zl_time_format(wall_us, text);
    zl_json_set_text(object, name, text);
}

static void set_involved(struct cJSON *event, const struct zl_event_job *job)
{
    struct cJSON *involved = zl_json_child(event, "involvedObject");
    zl_json_set_text(involved, "apiVersion", job->api_version);
    zl_json_set_text(involved, "kind", job->kind);
    zl_json_set_text(involved, "name", job->name);
    if (*job->namespace_ != '\0') {
        zl_json_set_text(involved, "namespace", job->namespace_);
    }
    if (*job->uid != '\0') {
        zl_json_set_text(involved, "uid", job->uid);
    }
}

struct cJSON *zl_event_new(const struct zl_event_job *job, const struct zl_event_facts *facts)
{
    struct cJSON *event = zl_json_object();
    zl_json_set_text(event, "apiVersion", "v1");
    zl_json_set_text(event, "kind", "Event");
    struct cJSON *metadata = zl_json_child(event, "metadata");
    zl_json_set_text(metadata, "name", facts->name);
    zl_json_set_text(metadata, "namespace", zl_event_namespace(job));
    set_involved(event, job);
    zl_json_set_text(event, "type", job->warning ? "Warning" : "Normal");
    zl_json_set_text(event, "reason", job->reason);
    zl_json_set_text(event, "message", job->message);
    zl_json_set_text(zl_json_child(event, "source"), "component", facts->component);
    zl_json_set_text(event, "reportingComponent", facts->component);
    zl_json_set_text(event, "reportingInstance", facts->instance);
    set_time(event, "firstTimestamp", facts->first_us);
    set_time(event, "lastTimestamp", job->wall_us);
    zl_json_set_i64(event, "count", facts->count);
    return event;
}

struct cJSON *zl_event_count_patch(const struct zl_event_job *job, int64_t count)
{
    struct cJSON *patch = zl_json_object();
    zl_json_set_i64(patch, "count", count);
    set_time(patch, "lastTimestamp", job->wall_us);
    return patch;
}
