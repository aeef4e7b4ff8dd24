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

/* "TOKEN GENERATION" */
static enum zl_status read_extension(const char *text, struct zl_fleet_outside *out,
                                     struct zl_error *err)
{
    const size_t digits = text != NULL ? strcspn(text, " ") : 0;
    ZL_AUTO_FREE char *token = text != NULL ? zl_strndup(text, digits) : NULL;
    if (text == NULL) {
        return ZL_OK;
    }
    if (text[digits] == '\0' ||
        zl_parse_i64(token, 1, ZL_FLEET_NUMBER_MAX, &out->extend_token, NULL) != ZL_OK ||
        zl_parse_i64(text + digits + 1, 1, ZL_FLEET_NUMBER_MAX, &out->extend_gen, NULL) != ZL_OK) {
        return zl_error_set(err, ZL_E_INVALID,
                            "annotation " ZL_KEY_FLEET_EXTEND " \"%.60s\": say \"TOKEN "
                            "GENERATION\", both of status.turn",
                            text);
    }
    return ZL_OK;
}

enum zl_status zl_fleet_outside_read(const struct cJSON *annotations, struct zl_fleet_outside *out,
                                     struct zl_error *err)
{
    const char *want = zl_json_text(annotations, ZL_KEY_FLEET_WANT, NULL);
    const char *text = zl_json_text(annotations, ZL_KEY_FLEET_REPORT, NULL);
    const char *accept = zl_json_text(annotations, ZL_KEY_FLEET_ACCEPT, NULL);
    struct zl_fleet_outside read = {.stands = want != NULL && strcmp(want, "true") == 0};
    memset(out, 0, sizeof *out);
    out->accepted = read.accepted = -1;
    ZL_FLEET_TEXT(out->decline, zl_json_text(annotations, ZL_KEY_FLEET_DECLINE, NULL));
    ZL_FLEET_TEXT(read.decline, out->decline);
    if (accept != NULL &&
        zl_parse_i64(accept, 0, ZL_FLEET_NUMBER_MAX, &read.accepted, NULL) != ZL_OK) {
        return zl_error_set(err, ZL_E_INVALID,
                            "annotation " ZL_KEY_FLEET_ACCEPT " \"%.60s\": say the number of "
                            "status.lastToken",
                            accept);
    }
    if (want != NULL && !read.stands && strcmp(want, "false") != 0) {
        return zl_error_set(err, ZL_E_INVALID,
                            "annotation " ZL_KEY_FLEET_WANT " \"%.60s\": say \"true\" or \"false\"",
                            want);
    }
    enum zl_status extension =
        read_extension(zl_json_text(annotations, ZL_KEY_FLEET_EXTEND, NULL), &read, err);
    if (extension != ZL_OK) {
        return extension;
    }
    if (text != NULL) {
        enum zl_status status = read_report(text, &read.report, err);
        if (status != ZL_OK) {
            return status;
        }
    }
    read.wants = read.stands && read.report.token == 0;
    *out = read;
    return ZL_OK;
}

bool zl_fleet_outside_extends(const struct zl_fleet_outside *outside,
                              const struct zl_fleet_turn *turn)
{
    return turn->state == ZL_FLEET_ACTIVE && outside->extend_token == turn->token &&
           outside->extend_gen == turn->gen;
}

bool zl_fleet_outside_is_ready(const struct zl_fleet_outside *outside,
                               const struct zl_fleet_turn *turn, const char **why)
{
    *why = NULL;
    if (outside->decline[0] != '\0') {
        *why = outside->decline;
    } else if (outside->manual && outside->accepted != turn->ended_token) {
        *why = "somebody has to accept its turn: zen-lead fleet accept";
    }
    return *why == NULL;
}

void zl_fleet_outside_join(struct zl_fleet_outside *into, const struct zl_fleet_outside *other)
{
    into->wants = into->wants || other->wants;
    into->stands = into->stands || other->stands;
    into->manual = into->manual || other->manual;
    if (other->extend_token > into->extend_token) {
        into->extend_token = other->extend_token;
        into->extend_gen = other->extend_gen;
    }
    into->accepted = other->accepted > into->accepted ? other->accepted : into->accepted;
    if (into->decline[0] == '\0') {
        ZL_FLEET_TEXT(into->decline, other->decline);
    }
    if (other->report.token > into->report.token) {
        into->report = other->report;
    }
}

bool zl_fleet_outside_wants(const struct zl_fleet_outside *outside,
                            const struct zl_fleet_turn *turn)
{
    return outside->wants || (outside->stands && outside->report.outcome == ZL_FLEET_FAILED &&
                              outside->report.token == turn->retried);
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
