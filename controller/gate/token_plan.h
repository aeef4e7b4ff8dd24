/* SPDX-License-Identifier: Apache-2.0 */
/*
 * token_plan.h - which path the API server is to use for reviews of pods, and what the Secret that names it is to say:
 * a pure function, a step at a time. No step takes a path away that may still be in use, so no review is refused:
 *
 *   installation  make a token -> fill zen-lead-pods with it
 *   renewal       accept old and new -> use the new one -> accept it alone
 *   upgrade       (a pod of the webhook knows /validate alone) accept /validate -> use it -> all pods know tokens:
 *                 use the token -> accept it alone; and back in the same way
 *   way back      (somebody is about to apply such a release) accept /validate -> use it
 *
 * Threads: pure.
 */
#ifndef ZL_CONTROLLER_GATE_TOKEN_PLAN_H
#define ZL_CONTROLLER_GATE_TOKEN_PLAN_H

#include "common/objects/review_path.h"

#include <stdint.h>

struct zl_token_facts {
    const struct zl_review_tokens *tokens; /* the Secret */
    const char *in_use;                    /* the path in zen-lead-pods; NULL: it is not filled */
    bool all_know;     /* no pod of the webhook is of a release that knows /validate alone */
    bool legacy;       /* the entry of such a release selects something yet */
    int64_t tokens_ms; /* since the Secret was seen to change */
    int64_t in_use_ms; /* since the path in use was */
    int64_t now_us;    /* of the wall clock */
};

struct zl_token_plan {
    bool write;           /* the Secret: what follows */
    const char *token;    /* borrowed from the facts; NULL: make a new one */
    const char *previous; /* likewise; NULL: none */
    bool plain, renewed;
    bool may_fill;          /* nothing of the Secret has to be written before the path is */
    const char *path_token; /* of the path to be used; NULL with may_fill: the plain one */
    int64_t look_again_ms;  /* 0: at the next event */
};

struct zl_token_plan zl_token_plan(const struct zl_token_facts *facts);

#endif
