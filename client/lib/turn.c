/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A fleet is followed by a watch on the cluster's own LeaderPolicy. What that says of a turn ends at a time, and holds until then whatever
 * becomes of the API server: the cluster's controller stops by the same. All else is for people, and holds until the look after the next.
 */
#include "client/lib/internal.h"

#include "common/base/clock.h"

#include <inttypes.h>
#include <sys/eventfd.h>

#define NS_PER_MS INT64_C(1000000)
#define NS_PER_US INT64_C(1000)
#define KNOWN_MS (INT64_C(2) * ZL_TURN_WATCH_S * 1000)
#define AGAIN_MS 1000

static const struct {
    const char *phase;
    enum zenlead_turn_state state;
} STATES[] = {{"Idle", ZENLEAD_TURN_IDLE},
              {"Waiting", ZENLEAD_TURN_WAITING},
              {"Offered", ZENLEAD_TURN_OFFERED},
              {"Active", ZENLEAD_TURN_ACTIVE},
              {"Ending", ZENLEAD_TURN_ENDING}};

static const char *const OUTCOMES[] = {
    [ZENLEAD_DONE] = "done", [ZENLEAD_FAILED] = "failed", [ZENLEAD_RELEASED] = "released"};

static bool differs(const struct zenlead_turn *left, const struct zenlead_turn *right)
{
    return left->state != right->state || left->token != right->token ||
           left->position != right->position;
}

static enum zenlead_turn_state state_of(const struct zl_fleet_place *place)
{
    for (size_t i = 0; i < sizeof STATES / sizeof STATES[0]; i++) {
        if (strcmp(STATES[i].phase, place->phase) == 0) {
            return STATES[i].state;
        }
    }
    return ZENLEAD_TURN_IDLE; /* nobody has said anything of it yet */
}

/* The two clocks are read one after the other: a machine that is stopped in between makes the end earlier, not later. */
static void describe(const struct zl_fleet_place *place, int64_t asked_ms, struct zenlead_turn *out)
{
    const int64_t boot_ns = zl_lead_boot_ns();
    const int64_t left_us = place->until_us - zl_clock_wall_us();
    *out = (struct zenlead_turn){.size = sizeof *out,
                                 .state = (int)state_of(place),
                                 .valid_until_ns = (asked_ms + KNOWN_MS) * NS_PER_MS,
                                 .position = place->position};
    (void)snprintf(out->why, sizeof out->why, "%s", place->why);
    if (place->token != 0 && left_us > 0) {
        out->token = place->token;
        out->valid_until_ns = boot_ns + left_us * NS_PER_US;
    } else if (out->state ==
               ZENLEAD_TURN_ACTIVE) { /* its time is over, and nobody is there to say so */
        out->state = ZENLEAD_TURN_ENDING;
    }
}

static void publish(struct zl_lead_turn *turn, const struct zenlead_turn *answer,
                    const struct zl_error *failure)
{
    bool news = false;
    zl_monitor_lock(&turn->monitor);
    turn->failure = failure != NULL ? *failure : (struct zl_error){0};
    turn->answered = true;
    if (answer != NULL) {
        news = differs(&turn->answer, answer);
        turn->answer = *answer;
    }
    zl_monitor_wake_all(&turn->monitor);
    zl_monitor_unlock(&turn->monitor);
    if (news) {
        (void)eventfd_write(turn->handle->news, 1);
    }
}

static enum zl_status on_told(void *ctx, const struct zl_fleet_place *place, int64_t asked_ms,
                              struct zl_error *err)
{
    struct zl_lead_turn *turn = ctx;
    struct zenlead_turn answer = ZENLEAD_TURN_INIT;
    struct zl_error none = {0};
    (void)err;
    if (place != NULL) {
        describe(place, asked_ms, &answer);
        publish(turn, &answer, NULL);
    } else {
        (void)zl_error_set(&none, ZL_E_NOT_FOUND, "no LeaderPolicy of fleet %s in namespace %s",
                           turn->name, turn->handle->where);
        publish(turn, &answer, &none);
    }
    return ZL_OK;
}

/* What was known stays, as long as it is valid. */
static void on_failed(void *ctx, const struct zl_error *err)
{
    publish(ctx, NULL, err);
}

static void *follow(void *arg)
{
    struct zl_lead_turn *turn = arg;
    struct zl_error err = {0};
    struct zl_kube_client *client = NULL;
    while (zl_lead_client(turn->handle, &client, &err) != ZL_OK) {
        publish(turn, NULL, &err);
        if (!zl_turn_watch_rest(turn->watch, zl_clock_ms() + AGAIN_MS)) {
            return NULL;
        }
    }
    (void)!zl_turn_watch_run(turn->watch, client, turn->handle->where, &err);
    return NULL;
}

static struct zl_lead_turn *find(zenlead *handle, const char *name)
{
    struct zl_lead_turn *turn = atomic_load_explicit(&handle->turns, memory_order_acquire);
    while (turn != NULL && strcmp(turn->name, name) != 0) {
        turn = turn->next;
    }
    return turn;
}

static struct zl_lead_turn *find_or_follow(zenlead *handle, const char *name)
{
    pthread_mutex_lock(&handle->lock);
    struct zl_lead_turn *turn = find(handle, name);
    if (turn == NULL) {
        turn = zl_alloc(sizeof *turn);
        turn->handle = handle;
        turn->name = zl_strdup(name);
        zl_monitor_init(&turn->monitor);
        const struct zl_turn_watch_spec spec = {
            .fleet = name, .told = on_told, .failed = on_failed, .ctx = turn};
        turn->watch = zl_turn_watch_new(&spec);
        turn->next = atomic_load(&handle->turns);
        atomic_store_explicit(&handle->turns, turn, memory_order_release);
        turn->thread = zl_thread_start("zenlead-turn", follow, turn);
    }
    pthread_mutex_unlock(&handle->lock);
    return turn;
}

void zl_lead_turns_free(zenlead *handle)
{
    struct zl_lead_turn *turn = atomic_load(&handle->turns);
    while (turn != NULL) {
        struct zl_lead_turn *next = turn->next;
        zl_turn_watch_end(turn->watch);
        pthread_join(turn->thread, NULL);
        zl_turn_watch_free(turn->watch);
        zl_monitor_clear(&turn->monitor);
        free(turn->name);
        free(turn);
        turn = next;
    }
}

/* The callback comes without the lock: it may ask. */
static void tell(struct zl_lead_turn *turn)
{
    zl_monitor_lock(&turn->monitor);
    const bool news = turn->answered && (!turn->is_told || differs(&turn->answer, &turn->told));
    turn->told = turn->answer;
    turn->is_told = turn->is_told || news;
    const struct zenlead_turn answer = turn->answer;
    zl_monitor_unlock(&turn->monitor);
    if (news && turn->handle->turn_changed != NULL) {
        turn->handle->turn_changed(turn->handle->ctx, turn->name, &answer);
    }
}

void zl_lead_turns_tell(zenlead *handle)
{
    struct zl_lead_turn *turn = atomic_load_explicit(&handle->turns, memory_order_acquire);
    for (; turn != NULL; turn = turn->next) {
        tell(turn);
    }
}

/* With the lock held. */
static bool is_valid(const struct zl_lead_turn *turn)
{
    return turn->answer.state != ZENLEAD_TURN_UNKNOWN &&
           zl_lead_boot_ns() < turn->answer.valid_until_ns;
}

static bool is_absent(const struct zl_lead_turn *turn)
{
    return turn->answered && turn->failure.status == ZL_E_NOT_FOUND;
}

int zenlead_turn_ask(zenlead *handle, const char *fleet, int timeout_ms, struct zenlead_turn *out,
                     struct zenlead_error *error)
{
    struct zenlead_turn ignored = ZENLEAD_TURN_INIT;
    int status = ZENLEAD_OK;
    out = out != NULL ? out : &ignored;
    if (handle == NULL || fleet == NULL || *fleet == '\0' || timeout_ms < 0) {
        return zl_lead_refuse(error, ZENLEAD_E_INVALID,
                              "zenlead_turn_ask needs a handle, a fleet's name and a time-out");
    }
    const int64_t deadline_ms = zl_clock_ms() + timeout_ms;
    struct zl_lead_turn *turn = find_or_follow(handle, fleet);
    *out = (struct zenlead_turn)ZENLEAD_TURN_INIT;
    zl_monitor_lock(&turn->monitor);
    while (!is_valid(turn) && !is_absent(turn) && zl_monitor_wait(&turn->monitor, deadline_ms)) {
        ;
    }
    if (is_valid(turn)) {
        *out = turn->answer;
    } else if (turn->failure.status != ZL_OK) {
        status = zl_lead_fail(error, turn->failure.status, turn->failure.message);
    } else {
        status = zl_lead_refuse(error, ZENLEAD_E_TIMEOUT, "fleet %s: not known in time", fleet);
    }
    zl_monitor_unlock(&turn->monitor);
    return status;
}

/* --- what is asked for and reported --- */

/* The LeaderPolicy as it is now. OUT's name is the caller's to free. */
static enum zl_status look(zenlead *handle, const char *fleet, struct zl_kube_client **client,
                           struct zl_fleet_place *out, struct zl_error *err)
{
    *out = (struct zl_fleet_place){0};
    const enum zl_status status = zl_lead_client(handle, client, err);
    return status == ZL_OK ? zl_fleet_place_find(*client, handle->where, fleet, out, err) : status;
}

/* What was written to PLACE, which is not needed any more, or why nothing was. */
static int conclude(struct zl_fleet_place *place, enum zl_status status, const struct zl_error *err,
                    struct zenlead_error *error)
{
    free(place->name);
    return status == ZL_OK ? ZENLEAD_OK : zl_lead_fail(error, status, err->message);
}

int zenlead_turn_request(zenlead *handle, const char *fleet, struct zenlead_error *error)
{
    struct zl_error err = {0};
    struct zl_kube_client *client = NULL;
    struct zl_fleet_place place;
    if (handle == NULL || fleet == NULL) {
        return zl_lead_refuse(error, ZENLEAD_E_INVALID,
                              "zenlead_turn_request needs a handle and a fleet's name");
    }
    enum zl_status status = look(handle, fleet, &client, &place, &err);
    const bool asks = place.wants && place.report[0] == '\0';
    if (status == ZL_OK && !asks) {
        status = zl_fleet_place_annotate(client, handle->where, place.name, "true", NULL, &err);
    }
    return conclude(&place, status, &err, error);
}

int zenlead_turn_accept(zenlead *handle, const char *fleet, struct zenlead_error *error)
{
    struct zl_error err = {0};
    struct zl_kube_client *client = NULL;
    struct zl_fleet_place place;
    if (handle == NULL || fleet == NULL) {
        return zl_lead_refuse(error, ZENLEAD_E_INVALID,
                              "zenlead_turn_accept needs a handle and a fleet's name");
    }
    enum zl_status status = look(handle, fleet, &client, &place, &err);
    if (status == ZL_OK) {
        status = zl_fleet_place_accept(client, handle->where, &place, &err);
    }
    return conclude(&place, status, &err, error);
}

int zenlead_turn_decline(zenlead *handle, const char *fleet, const char *why,
                         struct zenlead_error *error)
{
    struct zl_error err = {0};
    struct zl_kube_client *client = NULL;
    struct zl_fleet_place place;
    if (handle == NULL || fleet == NULL || why == NULL || *why == '\0') {
        return zl_lead_refuse(error, ZENLEAD_E_INVALID,
                              "zenlead_turn_decline needs a handle, a fleet's name and a reason");
    }
    char reason[ZL_FLEET_WHY_MAX];
    ZL_FLEET_TEXT(reason, why);
    enum zl_status status = look(handle, fleet, &client, &place, &err);
    if (status == ZL_OK) {
        status = zl_fleet_place_decline(client, handle->where, &place, reason, &err);
    }
    return conclude(&place, status, &err, error);
}

static int refuse_lost(const struct zl_fleet_place *place, int64_t token,
                       struct zenlead_error *error)
{
    return zl_lead_refuse(error, ZENLEAD_E_LOST,
                          "turn %" PRId64 " is not, or no longer, this cluster's: %s", token,
                          place->why[0] != '\0' ? place->why : "it has none");
}

int zenlead_turn_extend(zenlead *handle, const char *fleet, int64_t token,
                        struct zenlead_error *error)
{
    struct zl_error err = {0};
    struct zl_kube_client *client = NULL;
    struct zl_fleet_place place;
    if (handle == NULL || fleet == NULL || token < 1) {
        return zl_lead_refuse(error, ZENLEAD_E_INVALID,
                              "zenlead_turn_extend needs a handle, a fleet's name and a token");
    }
    enum zl_status status = look(handle, fleet, &client, &place, &err);
    if (status == ZL_OK && place.token != token) {
        free(place.name);
        return refuse_lost(&place, token, error);
    }
    if (status == ZL_OK) {
        status = zl_fleet_place_extend(client, handle->where, &place, &err);
    }
    return conclude(&place, status, &err, error);
}

static int report(zenlead *handle, struct zl_kube_client *client,
                  const struct zl_fleet_place *place, int64_t token, const char *text,
                  struct zenlead_error *error)
{
    struct zl_error err = {0};
    if (token != 0 && strcmp(place->report, text) == 0) {
        return ZENLEAD_OK; /* that was said before */
    }
    if (place->token != token) {
        return refuse_lost(place, token, error);
    }
    const enum zl_status status = zl_fleet_place_annotate(client, handle->where, place->name, NULL,
                                                          token != 0 ? text : NULL, &err);
    return status == ZL_OK ? ZENLEAD_OK : zl_lead_fail(error, status, err.message);
}

int zenlead_turn_report(zenlead *handle, const char *fleet, int64_t token, int outcome,
                        const char *why, struct zenlead_error *error)
{
    struct zl_error err = {0};
    struct zl_kube_client *client = NULL;
    struct zl_fleet_place place;
    if (handle == NULL || fleet == NULL || outcome < ZENLEAD_DONE || outcome > ZENLEAD_RELEASED ||
        token < (outcome == ZENLEAD_RELEASED ? 0 : 1)) {
        return zl_lead_refuse(error, ZENLEAD_E_INVALID,
                              "zenlead_turn_report needs a handle, a fleet's name, a token and an "
                              "outcome");
    }
    char text[ZL_FLEET_WHY_MAX], written[ZL_FLEET_WHY_MAX];
    const bool says_why = outcome == ZENLEAD_FAILED && why != NULL && *why != '\0';
    (void)snprintf(text, sizeof text, "%" PRId64 " %s%s%s", token, OUTCOMES[outcome],
                   says_why ? " " : "", says_why ? why : "");
    ZL_FLEET_TEXT(written, text);
    const enum zl_status status = look(handle, fleet, &client, &place, &err);
    const int code = status == ZL_OK ? report(handle, client, &place, token, written, error)
                                     : zl_lead_fail(error, status, err.message);
    free(place.name);
    return code;
}
