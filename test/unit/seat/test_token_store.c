/* SPDX-License-Identifier: Apache-2.0 */
/* A token and a tick count only when the API server has kept them. */
#include "common/seat/token_store.h"

#include "common/base/clock.h"
#include "test/unit/script.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define TICK_S INT64_C(1767225600)
#define STORED(status)                                                                             \
    "{\"metadata\":{\"namespace\":\"shop\",\"name\":\"web\",\"uid\":\"p\",\"resourceVersion\":"    \
    "\"8\"},"                                                                                      \
    "\"status\":{" status "}}"
#define TICKS "\"ticks\":[{\"time\":\"2026-01-01T00:00:00Z\",\"job\":\"load\",\"uid\":\"u\"}]"

static char ns[] = "shop", name[] = "web", version[] = "7";
static const struct zl_policy POLICY = {
    .meta = {.namespace_ = ns, .name = name, .resource_version = version}};

/* One reservation of the tick of Job "load" that the API server answers with BODY. */
static enum zl_status reserve(const char *body, struct zl_error *err)
{
    static char job[] = "load", uid[] = "u";
    static const struct zl_tick tick = {.time_s = TICK_S, .job = job, .uid = uid};
    int64_t token = 0;
    zl_play((struct zl_script){.status = 200, .body = body});
    return zl_token_reserve_tick(zl_the_client, &POLICY, 0, &tick, zl_clock_ms() + 5000, &token,
                                 err);
}

static void test_what_the_definition_drops_was_not_reserved(void **state)
{
    (void)state;
    struct zl_error err = {0};
    assert_int_equal(reserve(STORED("\"fencingToken\":1," TICKS), &err), ZL_OK);
    assert_int_equal(reserve(STORED("\"fencingToken\":1"), &err), ZL_E_DENIED);
    assert_non_null(strstr(err.message, "status.ticks"));
    assert_non_null(strstr(err.message, "leaderpolicies.coordination.kube-zen.io"));
    assert_int_equal(reserve(STORED("\"ticks\":[{\"time\":\"2026-01-01T00:00:00Z\"}]"), &err),
                     ZL_E_DENIED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {WITH_PEER(test_what_the_definition_drops_was_not_reserved)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
