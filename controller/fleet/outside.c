/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/fleet/outside.h"

#include "common/base/json.h"
#include "common/base/parse.h"
#include "common/objects/names.h"

#include <string.h>

static const struct {
    const char *word;
    enum zl_fleet_outcome outcome;
} WORDS[] = {{"done", ZL_FLEET_DONE}, {"failed", ZL_FLEET_FAILED}, {"released", ZL_FLEET_RELEASED}};

static enum zl_status refuse(const char *text, struct zl_error *err)
{
    return zl_error_set(err, ZL_E_INVALID,
                        "annotation " ZL_KEY_FLEET_REPORT " \"%.60s\": say \"TOKEN done\", "
                        "\"TOKEN failed WHY\" or \"TOKEN released\", with the token of status.turn",
                        text);
}

static enum zl_status read_report(const char *text, struct zl_fleet_report *out,
                                  struct zl_error *err)
{
    size_t digits = strcspn(text, " "), at = digits + strspn(text + digits, " ");
    size_t letters = strcspn(text + at, " ");
    ZL_AUTO_FREE char *number = zl_strndup(text, digits);
    if (zl_parse_i64(number, 1, ZL_FLEET_NUMBER_MAX, &out->token, NULL) != ZL_OK) {
        return refuse(text, err);
    }
    for (size_t i = 0; i < sizeof WORDS / sizeof WORDS[0]; i++) {
        if (strlen(WORDS[i].word) == letters && strncmp(text + at, WORDS[i].word, letters) == 0) {
            const char *why = text + at + letters;
            out->outcome = WORDS[i].outcome;
            ZL_FLEET_TEXT(out->reason, why + strspn(why, " "));
            return ZL_OK;
        }
    }
    return refuse(text, err);
}

enum zl_status zl_fleet_outside_read(const struct cJSON *annotations, struct zl_fleet_outside *out,
                                     struct zl_error *err)
{
    const char *want = zl_json_text(annotations, ZL_KEY_FLEET_WANT, NULL);
    const char *text = zl_json_text(annotations, ZL_KEY_FLEET_REPORT, NULL);
    struct zl_fleet_outside read = {.wants = want != NULL && strcmp(want, "true") == 0};
    memset(out, 0, sizeof *out);
    if (want != NULL && !read.wants && strcmp(want, "false") != 0) {
        return zl_error_set(err, ZL_E_INVALID,
                            "annotation " ZL_KEY_FLEET_WANT " \"%.60s\": say \"true\" or \"false\"",
                            want);
    }
    if (text != NULL) {
        enum zl_status status = read_report(text, &read.report, err);
        if (status != ZL_OK) {
            return status;
        }
        read.wants = false;
    }
    *out = read;
    return ZL_OK;
}

void zl_fleet_outside_join(struct zl_fleet_outside *into, const struct zl_fleet_outside *other)
{
    into->wants = into->wants || other->wants;
    if (other->report.token > into->report.token) {
        into->report = other->report;
    }
}

bool zl_fleet_outside_reports(const struct zl_fleet_outside *outside,
                              const struct zl_fleet_agent *agent)
{
    const struct zl_fleet_turn *turn = &agent->turn;
    const struct zl_fleet_report *report = &outside->report;
    if (report->token == 0 || agent->request.report.token >= report->token) {
        return false;
    }
    bool open = turn->state == ZL_FLEET_ACTIVE && report->token == turn->token &&
                turn->ended_token < turn->token;
    bool late = turn->outcome == ZL_FLEET_EXPIRED && report->token == turn->ended_token &&
                report->outcome == ZL_FLEET_DONE;
    return open || late;
}
