/* SPDX-License-Identifier: Apache-2.0 */
#include "client/dashboard/answers.h"

#include "client/doctor/gather.h"
#include "client/doctor/outcome.h"
#include "client/explain/look.h"
#include "common/base/clock.h"
#include "common/base/monitor.h"

#include <string.h>

#define EXPLANATION_KEPT_MS 2000
#define EXAMINATION_KEPT_MS 10000

struct kept {
    struct zl_monitor monitor; /* held while the API server is asked: others wait for that answer */
    char *of, *text;           /* OF NULL: nothing */
    int64_t until_ms;
};

struct zl_answers {
    struct zl_answers_spec spec;
    struct kept explanation, examination;
};

struct zl_answers *zl_answers_new(const struct zl_answers_spec *spec)
{
    struct zl_answers *answers = zl_alloc(sizeof *answers);
    answers->spec = *spec;
    zl_monitor_init(&answers->explanation.monitor);
    zl_monitor_init(&answers->examination.monitor);
    return answers;
}

static void clear(struct kept *kept)
{
    free(kept->of);
    free(kept->text);
    zl_monitor_clear(&kept->monitor);
}

void zl_answers_free(struct zl_answers *answers)
{
    if (answers != NULL) {
        clear(&answers->explanation);
        clear(&answers->examination);
        free(answers);
    }
}

static void keep(struct kept *kept, const char *of, char *taken, int64_t for_ms)
{
    zl_replace_string(&kept->of, of);
    free(kept->text);
    kept->text = taken;
    kept->until_ms = zl_clock_ms() + for_ms;
}

static bool is_kept(const struct kept *kept, const char *of)
{
    return zl_same_string(kept->of, of) && zl_clock_ms() < kept->until_ms;
}

/* --- explain --- */

/* The word up to END into OUT; NULL: there is none, or it is longer. @return what follows */
static const char *read_word(const char *text, char end, char *out, size_t size)
{
    const size_t length = text == NULL
                              ? 0
                              : strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                             "0123456789-.");
    if (length == 0 || length >= size || text[length] != end) {
        return NULL;
    }
    memcpy(out, text, length);
    out[length] = '\0';
    return text + length + (end != '\0');
}

bool zl_explain_words_read(const char *text, struct zl_explain_words *out)
{
    char kind[sizeof out->kind];
    const char *rest = read_word(text, '/', out->namespace_, sizeof out->namespace_);
    rest = read_word(rest, '/', kind, sizeof kind);
    rest = read_word(rest, '\0', out->name, sizeof out->name);
    const char *known = rest != NULL ? zl_explain_kind(kind) : NULL;
    if (known == NULL) {
        return false;
    }
    (void)snprintf(out->kind, sizeof out->kind, "%s", known);
    return true;
}

static char *explain(const struct zl_answers *answers, const struct zl_explain_words *words)
{
    struct zl_explanation explanation = {0};
    struct zl_error err = {0};
    ZL_AUTO_JSON struct cJSON *tree = zl_json_object();
    if (zl_explain_object(answers->spec.client, words->namespace_, zl_explain_kind(words->kind),
                          words->name, &explanation, &err) == ZL_OK) {
        zl_json_set_text(tree, "verdict", explanation.verdict);
        zl_json_set_text(tree, "what", explanation.what);
        zl_json_set_text(tree, "by", explanation.by);
        zl_json_set_text(tree, "changes", explanation.changes);
        zl_json_set_text(tree, "do", explanation.cure);
    } else {
        zl_json_set_text(tree, "error", err.message);
    }
    zl_explanation_clear(&explanation);
    return zl_json_print(tree);
}

char *zl_answers_explain(struct zl_answers *answers, const struct zl_explain_words *words)
{
    struct kept *kept = &answers->explanation;
    ZL_AUTO_FREE char *of = zl_asprintf("%s/%s/%s", words->namespace_, words->kind, words->name);
    zl_monitor_lock(&kept->monitor);
    if (!is_kept(kept, of)) {
        keep(kept, of, explain(answers, words), EXPLANATION_KEPT_MS);
    }
    char *text = zl_strdup(kept->text);
    zl_monitor_unlock(&kept->monitor);
    return text;
}

/* --- doctor --- */

static char *examine(const struct zl_answers *answers)
{
    const struct zl_gather_spec spec = {.namespace_ = answers->spec.namespace_,
                                        .home = answers->spec.home,
                                        .installed_in = answers->spec.installed_in};
    struct zl_doctor_facts *facts = zl_alloc(sizeof *facts); /* large for a connection's stack */
    struct zl_outcome outcome;
    const int64_t at_ms = zl_clock_wall_us() / 1000;
    zl_gather(answers->spec.client, &spec, facts);
    zl_outcome_judge(facts, &outcome);
    ZL_AUTO_JSON struct cJSON *tree = zl_outcome_tree(&outcome, NULL);
    zl_json_set_i64(tree, "atMs", at_ms);
    zl_json_set_bool(tree, "unreachable", outcome.unreachable);
    zl_outcome_clear(&outcome);
    zl_gather_clear(facts);
    free(facts);
    return zl_json_print(tree);
}

char *zl_answers_doctor(struct zl_answers *answers)
{
    struct kept *kept = &answers->examination;
    zl_monitor_lock(&kept->monitor);
    if (!is_kept(kept, "all")) {
        keep(kept, "all", examine(answers), EXAMINATION_KEPT_MS);
    }
    char *text = zl_strdup(kept->text);
    zl_monitor_unlock(&kept->monitor);
    return text;
}
