/* SPDX-License-Identifier: Apache-2.0 */
/*
 * answers.h - what the page asks for beside its rows: `zen-lead explain` of one object, `zen-lead doctor`. With the user's own rights.
 *
 * Each is asked of the API server by one at a time, and kept for a moment, so that whoever clicks often asks once.
 *
 * Threads: any.
 */
#ifndef ZL_CLIENT_DASHBOARD_ANSWERS_H
#define ZL_CLIENT_DASHBOARD_ANSWERS_H

#include "common/kube/client.h"

struct zl_answers_spec {
    struct zl_kube_client *client; /* borrowed until the end, as all of it */
    const char *namespace_;        /* NULL: all */
    const char *home;              /* the user's namespace, for dry runs */
    const char *installed_in;
};

struct zl_answers; /* opaque */
struct zl_answers *zl_answers_new(const struct zl_answers_spec *spec);
void zl_answers_free(struct zl_answers *answers);

/* What is asked after "explain/": a namespace, a kind and a name, each of them a word. */
struct zl_explain_words {
    char namespace_[64], kind[64], name[254];
};
/* Pure. false: TEXT ("shop/Deployment/web") names no object that can be explained. */
bool zl_explain_words_read(const char *text, struct zl_explain_words *out);

/* {verdict, what, by, changes, do}, or {error}. The caller frees. */
char *zl_answers_explain(struct zl_answers *answers, const struct zl_explain_words *words);
/* {atMs, items} as `zen-lead doctor -o json` has them. The caller frees. */
char *zl_answers_doctor(struct zl_answers *answers);

#endif
