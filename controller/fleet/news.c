/* SPDX-License-Identifier: Apache-2.0 */
#include "controller/fleet/news.h"

#include "common/base/memory.h"

#include <inttypes.h>
#include <stdarg.h>

struct news {
    struct zl_fleet_item *items;
    size_t count;
};

static void ZL_PRINTF(4, 5)
    add(struct news *news, const char *reason, bool warning, const char *format, ...)
{
    struct zl_fleet_item *item = &news->items[news->count++];
    va_list arguments;
    item->reason = reason;
    item->warning = warning;
    va_start(arguments, format);
    (void)vsnprintf(item->message, sizeof item->message, format, arguments);
    va_end(arguments);
}

static void tell_offer(struct news *news, struct zl_fleet_heard *heard,
                       const struct zl_fleet_turn *turn)
{
    if (turn->state == ZL_FLEET_OFFERED && turn->token > heard->offered) {
        add(news, "TurnOffered", false, "turn %" PRId64 " is offered", turn->token);
        heard->offered = turn->token;
    }
}

static void tell_beginning(struct news *news, struct zl_fleet_heard *heard,
                           const struct zl_fleet_agent *agent, int64_t boot_ms)
{
    int64_t until_ms = 0;
    if (agent->turn.token > heard->began && zl_fleet_may_act(agent, boot_ms, &until_ms)) {
        add(news, "TurnBegan", false, "turn %" PRId64 " began; it lasts %" PRId64 " s at most",
            agent->turn.token, (until_ms - boot_ms) / 1000);
        heard->began = agent->turn.token;
    }
}

static void tell_outcome(struct news *news, const struct zl_fleet_agent *agent)
{
    const struct zl_fleet_turn *turn = &agent->turn;
    const struct zl_fleet_report *report = &agent->request.report;
    const bool is_reported = report->token == turn->ended_token && report->reason[0] != '\0';
    switch (turn->outcome) {
    case ZL_FLEET_DONE:
        add(news, "TurnDone", false, "turn %" PRId64 " is done", turn->ended_token);
        return;
    case ZL_FLEET_DONE_LATE:
        add(news, "TurnDone", false,
            "turn %" PRId64 " was done, and reported late: its failure is taken back",
            turn->ended_token);
        return;
    case ZL_FLEET_FAILED:
        add(news, "TurnFailed", true, "turn %" PRId64 " failed: %s", turn->ended_token,
            is_reported ? report->reason : "no reason was given");
        return;
    case ZL_FLEET_EXPIRED:
        add(news, "TurnFailed", true,
            "turn %" PRId64 " failed: its time ran out, and nothing was reported",
            turn->ended_token);
        return;
    case ZL_FLEET_RELEASED:
        add(news, "TurnReleased", false, "turn %" PRId64 " was given back", turn->ended_token);
        return;
    case ZL_FLEET_NO_OUTCOME:
        break;
    }
}

static void tell_end(struct news *news, struct zl_fleet_heard *heard,
                     const struct zl_fleet_agent *agent)
{
    const struct zl_fleet_turn *turn = &agent->turn;
    bool is_new = turn->ended_token > heard->ended ||
                  (turn->ended_token == heard->ended && turn->outcome != heard->outcome);
    if (heard->looked && is_new) {
        tell_outcome(news, agent);
    }
    heard->ended = turn->ended_token;
    heard->outcome = turn->outcome;
}

static void tell_pause(struct news *news, struct zl_fleet_heard *heard,
                       const struct zl_fleet_ledger *ledger)
{
    if (ledger == NULL) {
        return;
    }
    const struct zl_fleet_pause *pause = &ledger->pause;
    if (pause->id != 0 && pause->id != heard->pause) {
        add(news, "FleetPaused", true, "the fleet is paused by %s (%" PRId64 "): %s", pause->by,
            pause->id, pause->reason[0] != '\0' ? pause->reason : "no reason was given");
    } else if (pause->id == 0 && heard->pause != 0) {
        add(news, "FleetResumed", false, "the fleet is resumed: turns are given again");
    }
    heard->pause = pause->id;
}

size_t zl_fleet_news(struct zl_fleet_heard *heard, const struct zl_fleet_agent *agent,
                     const struct zl_fleet_ledger *ledger, int64_t boot_ms,
                     struct zl_fleet_item out[ZL_FLEET_NEWS_MAX])
{
    struct news news = {.items = out};
    tell_offer(&news, heard, &agent->turn);
    tell_beginning(&news, heard, agent, boot_ms);
    tell_end(&news, heard, agent);
    tell_pause(&news, heard, ledger);
    heard->looked = true;
    return news.count;
}
