/* SPDX-License-Identifier: Apache-2.0 */
/*
 * script.h - a client and a scripted peer (peer.h) for tests that send one call after another: say
 * what the peer answers next, look at what it was asked last.
 *
 * Threads: the test's thread; script.c does the locking against the peer's.
 */
#ifndef ZL_TEST_SCRIPT_H
#define ZL_TEST_SCRIPT_H

#include "common/kube/client.h"
#include "test/unit/peer.h"

/* What the peer says from now on. */
struct zl_script {
    void (*serve)(const struct zl_script *script,
                  struct zl_peer_call *call); /* or NULL: the answer */
    int status;
    const char *extra;
    const char *body;
};
void zl_play(struct zl_script next);

/* What it was asked last. */
struct zl_asked {
    char method[16];
    char path[2048];
    char sent[4096];
    char accept[160];
    char content_type[64];
    char authorization[64];
    char user_agent[64];
};
struct zl_asked zl_asked(void);

extern struct zl_peer *zl_the_peer;
extern struct zl_kube_client *zl_the_client;

/* cmocka's fixtures: a peer that answers 200 and {}, and a client of it that has no credentials. */
int zl_script_start(void **state);
int zl_script_stop(void **state);
/* A client of the peer with CONFIG's credentials instead; frees the one before. */
void zl_log_in(struct zl_kube_config config);

#define WITH_PEER(test) cmocka_unit_test_setup_teardown(test, zl_script_start, zl_script_stop)

#define LEASE_PATH "/apis/coordination.k8s.io/v1/namespaces/default/leases/zen-lead-a"
extern const struct zl_kube_target *const LEASE;

#endif
