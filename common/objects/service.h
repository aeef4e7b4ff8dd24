/* SPDX-License-Identifier: Apache-2.0 */
/*
 * service.h - a Service as routing sees it: a user's that has opted in or lends its ports, or one of ours
 * (the selector-less Service of a leader).
 *
 * Threads: pure; a decoded Service is read-only.
 */
#ifndef ZL_OBJECTS_SERVICE_H
#define ZL_OBJECTS_SERVICE_H

#include "common/objects/pod.h"

struct zl_service_port {
    char *name;           /* NULL: the only port has none */
    const char *protocol; /* constant */
    char *app_protocol;   /* or NULL */
    int64_t number;
    int64_t target_number; /* 0: by name */
    char *target_name;     /* NULL: by number */
};

struct zl_service {
    struct zl_meta meta;

    /* A user's. */
    bool opted_in;
    bool sticky;          /* true unless the annotation says "false" */
    char *bad_min_ready;  /* the text of a min-ready-duration that is none; else NULL */
    int64_t min_ready_ms; /* 0: none */
    char *wanted_name;    /* of its leader Service; NULL: "<name>-leader" */
    char *joined_pool;    /* annotation zen-lead/pool, or NULL */
    char *selector;       /* packed labels; NULL: none */
    bool external;        /* type ExternalName: it has no pods */
    char *type;           /* as stored */
    char *cluster_ip;     /* the first, "None", or NULL */
    char *family_policy;  /* ipFamilyPolicy, or NULL */
    bool ipv4, ipv6;      /* ipFamilies; both false: not said */
    bool ipv6_first;

    /* Ours. */
    bool ours;
    char *source; /* label zen-lead.io/source-service, or NULL */
    char *pool;   /* label zen-lead/pool, or NULL */
    /*
     * Of a workload's: its LeaderPolicy as well, so that the garbage collector leaves the Service when the workload goes
     * alone, perhaps to be made again. UID NULL: none.
     */
    struct zl_controller_ref second_owner;
    char *leader_pod, *leader_uid, *leader_switch_time;
    char *
        had_selector; /* time: somebody gave it one; what that brought is being removed. NULL: no */

    struct zl_service_port *ports;
    size_t port_count;
};

extern const struct zl_json_shape ZL_SERVICE_SHAPE[];
enum zl_status zl_service_decode(const struct cJSON *object, struct zl_service **out,
                                 struct zl_error *err) ZL_MUST_CHECK;
void zl_service_free(void *service); /* a struct zl_service; fits zl_ref_new */
void zl_service_add_port(struct zl_service *service,
                         const struct zl_service_port *port); /* copies */

/* How the leader Service of an annotated one is called. The caller frees. */
char *zl_service_leader_name(const struct zl_service *service);
/* One of ours as JSON, to create it, or as a merge patch that repairs it. */
struct cJSON *zl_service_encode(const struct zl_service *service, bool patch);
/* Is STORED what DESIRED says, as far as zen-lead decides it? */
bool zl_service_same(const struct zl_service *desired, const struct zl_service *stored);
/* Are its address families those that DESIRED wants? True where either does not say. */
bool zl_service_same_families(const struct zl_service *desired, const struct zl_service *stored);
/* Add them, as patch of STORED, to SPEC: the first one and its address stay. */
void zl_service_encode_families(const struct zl_service *desired, const struct zl_service *stored,
                                struct cJSON *spec);
/* May a Service have this name on every version of Kubernetes (RFC 1035 label)? */
bool zl_service_name_is_valid(const char *name);

#endif
