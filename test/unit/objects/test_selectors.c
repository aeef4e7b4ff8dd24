/* SPDX-License-Identifier: Apache-2.0 */
#include "common/objects/selectors.h"

#include "common/base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define TEXTS_MAX 5

struct row {
    const char *texts[TEXTS_MAX]; /* up to the first NULL */
    const char *wanted;           /* one after the other, a '|' behind each */
};

static const struct row ROWS[] = {
    {{NULL}, ""},
    {{"app=a"}, "app=a|"},
    {{"app=a,tier=x", "app=b"}, "app in (a,b)|"},
    {{"app=a", "app=b", "app=a"}, "app in (a,b,a)|"},
    /* The label that most have; who has it not is asked for alone. */
    {{"tier=x,app=a", "app=b", "app=c,tier=y", "name=d"}, "app in (a,b,c)|name=d|"},
    {{"name=d", "app=a", "role=r,app=b"}, "name=d|app in (a,b)|"},
    {{"app=a", "name=b", "role=c"}, "app=a|name=b|role=c|"},
    {{"instance=r,name=a,part-of=p", "instance=r,name=b,part-of=p"}, "name in (a,b)|"},
    /* Two groups. */
    {{"app=a", "k8s.io/name=x", "app=b", "k8s.io/name=y"}, "app in (a,b)|k8s.io/name in (x,y)|"},
    /* Only "key=value" is merged, and a key is not another that begins like it. */
    {{"app in (a,b)", "app=c"}, "app in (a,b)|app=c|"},
    {{"tier in (app=x,y),app=a", "!app,app=b"}, "app in (a,b)|"},
    {{"app!=a", "app=b"}, "app!=a|app=b|"},
    {{"app", "app=b"}, "app|app=b|"},
    {{"app=", "app=b"}, "app=|app=b|"},
    {{"app=a", "app2=b", "ap=c"}, "app=a|app2=b|ap=c|"},
    {{"", "app=b"}, "|app=b|"},
};

static void test_a_selector_may_match_unless_a_label_says_no(void **state)
{
    static const struct {
        const char *selector, *labels;
        bool may;
    } rows[] = {
        {"app=a", "app=a\0", true},
        {"app=a", "tier=x\0app=a\0", true},
        {"app=a,tier=x", "tier=x\0app=a\0", true},
        {"app=a,tier=x", "app=a\0", false},
        {"app=a", "app=ab\0", false},
        {"app=a", "app=b\0", false},
        {"app=a", "myapp=a\0", false},
        {"app=", "app=\0", true},
        {"app=a", NULL, false},
        {"", NULL, true},
        /* Sets are not looked at. */
        {"app in (a,b)", "app=c\0", true},
        {"app in (a,b),tier=x", "app=a\0", false},
        {"!app,tier", "app=c\0", true},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (zl_selector_may_match(rows[i].selector, rows[i].labels) != rows[i].may) {
            fail_msg("row %zu", i);
        }
    }
}

static void test_a_selector_names_a_label_of_what_it_selects(void **state)
{
    static const struct {
        const char *selector, *label;
    } rows[] = {
        {"app=a", "app=a"},
        {"app=a,tier=x", "app=a"},
        {"app in (a,b),tier=x,zone=y", "tier=x"},
        {"!canary,app!=b,tier=x", "tier=x"},
        {"app in (a,b)", ""},
        {"app", ""},
        {"app=", ""},
        {"", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        ZL_AUTO_FREE char *label = zl_selector_label(rows[i].selector);
        assert_string_equal(label, rows[i].label);
    }
}

static void test_few_selectors_cover_many(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        size_t count = 0;
        while (count < TEXTS_MAX && ROWS[i].texts[count] != NULL) {
            count++;
        }
        ZL_AUTO_SELECTORS struct zl_selectors cover;
        zl_selectors_cover(ROWS[i].texts, count, &cover);
        ZL_AUTO_BUF struct zl_buf text;
        zl_buf_init(&text, 1000);
        for (size_t n = 0; n < cover.count; n++) {
            (void)zl_buf_printf(&text, "%s|", cover.items[n]);
        }
        if (strcmp(text.data != NULL ? text.data : "", ROWS[i].wanted) != 0) {
            fail_msg("row %zu: %s", i, text.data);
        }
    }
}

static void test_no_selector_is_everything(void **state)
{
    (void)state;
    const char *const texts[] = {"app=a", NULL, "app=b"};
    ZL_AUTO_SELECTORS struct zl_selectors cover;
    zl_selectors_cover(texts, 3, &cover);
    assert_int_equal(cover.count, 2);
    assert_string_equal(cover.items[0], "app in (a,b)");
    assert_null(cover.items[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_selector_names_a_label_of_what_it_selects),
        cmocka_unit_test(test_few_selectors_cover_many),
        cmocka_unit_test(test_a_selector_may_match_unless_a_label_says_no),
        cmocka_unit_test(test_no_selector_is_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
