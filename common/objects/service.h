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
    int64_t node_port;     /* as stored; 0: none. Never wanted: Kubernetes chooses it */
    char *target_name;     /* NULL: by number */
};

/* Which of the pods that may lead does. */
enum zl_preference {
    ZL_PREFER_LONGEST_READY,
    ZL_PREFER_OLDEST,     /* by creation */
    ZL_PREFER_NEWEST,     /* by creation */
    ZL_PREFER_OTHER_NODE, /* than the one whose leader was lost; then the longest Ready */
};

struct zl_service {
    struct zl_meta meta;

    /* A user's. */
    bool opted_in;
    bool sticky; /* true unless the annotation says "false" */
    enum zl_preference prefers;
    int64_t min_ready_ms;      /* 0: none */
    int64_t failover_delay_ms; /* so long may its leader be not Ready; 0: not at all */
    const char *leader_type;   /* of its leader Service; constant */
    char *ignored;       /* what its annotations say that means nothing, for people; or NULL */
    char *wanted_name;   /* of its leader Service; NULL: "<name>-leader" */
    char *joined_pool;   /* annotation zen-lead/pool, or NULL */
    char *selector;      /* packed labels; NULL: none */
    bool external;       /* type ExternalName: it has no pods */
    char *type;          /* as stored */
    char *cluster_ip;    /* the first, "None", or NULL */
    char *family_policy; /* ipFamilyPolicy, or NULL */
    bool ipv4, ipv6;     /* ipFamilies; both false: not said */
    bool ipv6_first;
    /* As carried.h packs: of a user's what its leader Service is to have, of ours what it has. NULL: nothing */
    char *carried_labels, *carried_annotations;

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
    char *carried_label_names,
        *carried_annotation_names; /* lists, as carried.h has them; or NULL */
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
/* One of ours as JSON: to create it, or as a merge patch that makes STORED to it. NULL: it is not there. */
struct cJSON *zl_service_encode(const struct zl_service *service, const struct zl_service *stored);
/* Is STORED what DESIRED says, as far as zen-lead decides it? */
bool zl_service_same(const struct zl_service *desired, const struct zl_service *stored);
/* Are its address families those that DESIRED wants? True where either does not say. */
bool zl_service_same_families(const struct zl_service *desired, const struct zl_service *stored);
/* Add them, as patch of STORED, to SPEC: the first one and its address stay. */
void zl_service_encode_families(const struct zl_service *desired, const struct zl_service *stored,
                                struct cJSON *spec);
/* What the annotations of that name may say; false: TEXT is none of it, and the default counts. */
bool zl_preference_parse(const char *text, enum zl_preference *out);
#define ZL_PREFERENCE_NAMES "oldest, newest, node-aware"
/* @param out  constant */
bool zl_leader_type_parse(const char *text, const char **out);
#define ZL_CLUSTER_IP "ClusterIP"
#define ZL_LEADER_TYPE_NAMES "ClusterIP, NodePort, LoadBalancer"
/* What an annotated Service wishes of its leader Service, from its METADATA. */
void zl_service_decode_wishes(const struct cJSON *metadata, struct zl_service *service);
/* May a Service have this name on every version of Kubernetes (RFC 1035 label)? */
bool zl_service_name_is_valid(const char *name);

#endif
