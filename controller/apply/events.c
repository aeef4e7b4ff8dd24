/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events.c - Events about pools, Jobs and routes.
 */
#include "controller/apply/internal.h"

static struct zl_event_object object_of(const struct zl_subject *subject)
{
    return (struct zl_event_object){.api_version = subject->api_version,
                                    .kind = subject->kind,
                                    .namespace_ = subject->namespace_,
                                    .name = subject->name,
                                    .uid = subject->uid};
}

void zl_remind_of(const struct zl_writer *writer, const struct zl_subject *subject,
                  const char *reason, const char *message)
{
    const struct zl_event_object object = object_of(subject);
    zl_events_remind(writer->events, &object, subject->edition, true, reason, message);
}

void zl_tell_about(const struct zl_writer *writer, const struct zl_subject *subject, bool warning,
                   const char *reason, const char *message)
{
    const struct zl_event_object object = object_of(subject);
    zl_events_emit(writer->events, &object, warning, reason, "%s", message);
}

void zl_tell(const struct zl_writer *writer, const struct zl_step *step)
{
    const struct zl_reason *reason = zl_reason_of(step->why);
    if (reason->event != NULL) {
        ZL_AUTO_FREE char *message = zl_reason_text(step->why, &step->words);
        if (reason->stands) {
            zl_remind_of(writer, &step->subject, reason->event, message);
        } else {
            zl_tell_about(writer, &step->subject, reason->warning, reason->event, message);
        }
    }
}

enum zl_status zl_apply_tell(struct zl_applying *applying, const struct zl_step *step,
                             struct zl_error *err)
{
    (void)err;
    zl_tell(applying->writer, step);
    return ZL_OK;
}
