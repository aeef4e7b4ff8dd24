/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/budget.h"

#include "common/base/limits.h"

#include <pthread.h>

/* cJSON's node has 64 bytes, malloc 16 for itself, a text 32 at the least: [0,0] is one node for two bytes. */
#define TREE_FACTOR 40ul

static const size_t MAX[ZL_BUDGET_LANES] = {
    [ZL_BUDGET_SMALL_REQUESTS] = ZL_BUDGET_SMALL_REQUESTS_MAX,
    [ZL_BUDGET_REQUESTS] = ZL_BUDGET_REQUESTS_MAX,
    [ZL_BUDGET_OBJECTS] = ZL_BUDGET_OBJECTS_MAX,
};

static struct {
    pthread_mutex_t lock;
    pthread_cond_t given;
    size_t taken[ZL_BUDGET_LANES];
} budget = {.lock = PTHREAD_MUTEX_INITIALIZER, .given = PTHREAD_COND_INITIALIZER};

size_t zl_budget_of_tree(size_t length)
{
    return length * (TREE_FACTOR + 1);
}

enum zl_budget_lane zl_budget_of_request(size_t bytes)
{
    return bytes <= ZL_BUDGET_SMALL_SHARE ? ZL_BUDGET_SMALL_REQUESTS : ZL_BUDGET_REQUESTS;
}

/* What a share of BYTES counts for. */
static size_t counted(enum zl_budget_lane lane, size_t bytes)
{
    if (lane == ZL_BUDGET_OBJECTS && bytes <= ZL_BUDGET_FREE_SHARE) {
        return 0;
    }
    return bytes < MAX[lane] ? bytes : MAX[lane];
}

/* With the lock held. */
static bool take(enum zl_budget_lane lane, size_t bytes)
{
    if (bytes > MAX[lane] - budget.taken[lane]) {
        return false;
    }
    budget.taken[lane] += bytes;
    return true;
}

bool zl_budget_try(enum zl_budget_lane lane, size_t bytes)
{
    pthread_mutex_lock(&budget.lock);
    const bool taken = bytes <= MAX[lane] && take(lane, counted(lane, bytes));
    pthread_mutex_unlock(&budget.lock);
    return taken;
}

void zl_budget_wait(enum zl_budget_lane lane, size_t bytes)
{
    bytes = counted(lane, bytes);
    pthread_mutex_lock(&budget.lock);
    while (!take(lane, bytes)) {
        pthread_cond_wait(&budget.given, &budget.lock);
    }
    pthread_mutex_unlock(&budget.lock);
}

void zl_budget_give(enum zl_budget_lane lane, size_t bytes)
{
    pthread_mutex_lock(&budget.lock);
    budget.taken[lane] -= counted(lane, bytes);
    pthread_cond_broadcast(&budget.given);
    pthread_mutex_unlock(&budget.lock);
}
