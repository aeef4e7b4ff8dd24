/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/review/probe.h"

#include "test/unit/pruned.h"
#include "webhook/review/shapes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define SIXTY_FOUR "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* A review with the fields that the row changes; NONCE NULL: no annotation. */
struct row {
    const char *name, *operation, *group, *resource, *subresource, *dry_run, *nonce;
    bool probe;
};

#define GROUP "coordination.kube-zen.io"

static const struct row ROWS[] = {
    {"a probe", "CREATE", GROUP, "leaderpolicies", "", "true", "00ff", true},
    {"the longest nonce", "CREATE", GROUP, "leaderpolicies", "", "true", SIXTY_FOUR, true},
    {"a nonce that is too long", "CREATE", GROUP, "leaderpolicies", "", "true", SIXTY_FOUR "0",
     false},
    {"an empty nonce", "CREATE", GROUP, "leaderpolicies", "", "true", "", false},
    {"a nonce with a space", "CREATE", GROUP, "leaderpolicies", "", "true", "a b", false},
    {"a nonce with a byte of UTF-8", "CREATE", GROUP, "leaderpolicies", "", "true", "\xc3\xa9",
     false},
    {"no annotation", "CREATE", GROUP, "leaderpolicies", "", "true", NULL, false},
    {"not a dry run", "CREATE", GROUP, "leaderpolicies", "", "false", "00ff", false},
    {"an update", "UPDATE", GROUP, "leaderpolicies", "", "true", "00ff", false},
    {"its status", "CREATE", GROUP, "leaderpolicies", "status", "true", "00ff", false},
    {"a pod", "CREATE", "", "pods", "", "true", "00ff", false},
    {"the LeaderPolicy of a fleet", "CREATE", "leadership.kube-zen.io", "leaderpolicies", "",
     "true", "00ff", false},
};

static void test_what_is_a_probe(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        const struct row *row = &ROWS[i];
        struct zl_review review = {0};
        struct zl_error err = {0};
        ZL_AUTO_FREE char *annotations =
            row->nonce == NULL
                ? zl_strdup("{}")
                : zl_asprintf("{\"zen-lead.io/gatekeeper-probe\":\"%s\"}", row->nonce);
        ZL_AUTO_FREE char *body = zl_asprintf(
            "{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\",\"request\":{"
            "\"uid\":\"u\",\"operation\":\"%s\",\"resource\":{\"group\":\"%s\",\"resource\":\"%s\"}"
            ","
            "\"subResource\":\"%s\",\"dryRun\":%s,\"object\":{\"metadata\":{\"annotations\":%s}}}}",
            row->operation, row->group, row->resource, row->subresource, row->dry_run, annotations);
        ZL_AUTO_FREE char *pruned = zl_pruned(ZL_REVIEW_OF_POD, body);
        assert_int_equal(zl_review_decode(pruned, strlen(pruned), &review, &err), ZL_OK);
        const char *nonce = zl_probe_nonce(&review);
        if ((nonce != NULL) != row->probe) {
            fail_msg("%s", row->name);
        }
        if (nonce != NULL) {
            ZL_AUTO_FREE char *message = zl_probe_message(nonce);
            assert_non_null(strstr(message, row->nonce));
        }
        zl_review_clear(&review);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_a_probe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
