/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fields that the tests' manifests are made of. kubectl 1.20 checks a manifest against the server's schema, which
 * takes it longer than all the rest: what is in this table passes that check, and the real kubectl judges the others.
 */
#include "test/kubectl/kubectl.h"

#include <cjson/cJSON.h>

/* Of KIND ("*": of all) the field PATH has TYPE: s, i, b. [] stands for any element, * for any key. */
static const struct shape {
    const char *kind, *path;
    char type;
} SHAPES[] = {
    {"*", "apiVersion", 's'},
    {"*", "kind", 's'},
    {"*", "metadata.name", 's'},
    {"*", "metadata.namespace", 's'},
    {"*", "metadata.labels.*", 's'},
    {"*", "metadata.annotations.*", 's'},
    {"*", "metadata.finalizers[]", 's'},
    {"*", "metadata.ownerReferences[].apiVersion", 's'},
    {"*", "metadata.ownerReferences[].kind", 's'},
    {"*", "metadata.ownerReferences[].name", 's'},
    {"*", "metadata.ownerReferences[].uid", 's'},
    {"*", "metadata.ownerReferences[].controller", 'b'},
    {"Pod", "metadata.generateName", 's'},
    {"Pod", "spec.containers[].name", 's'},
    {"Pod", "spec.containers[].image", 's'},
    {"Pod", "spec.containers[].ports[].containerPort", 'i'},
    {"Pod", "spec.containers[].ports[].name", 's'},
    {"Pod", "spec.containers[].ports[].protocol", 's'},
    {"Pod", "spec.priorityClassName", 's'},
    {"Pod", "spec.restartPolicy", 's'},
    {"Pod", "spec.nodeName", 's'},
    {"Pod", "spec.terminationGracePeriodSeconds", 'i'},
    {"Deployment", "spec.replicas", 'i'},
    {"Deployment", "spec.selector.matchLabels.*", 's'},
    {"Deployment", "spec.strategy.type", 's'},
    {"StatefulSet", "spec.replicas", 'i'},
    {"StatefulSet", "spec.serviceName", 's'},
    {"StatefulSet", "spec.selector.matchLabels.*", 's'},
    {"ReplicaSet", "spec.replicas", 'i'},
    {"ReplicaSet", "spec.selector.matchLabels.*", 's'},
    {"Job", "spec.manualSelector", 'b'},
    {"Job", "spec.selector.matchLabels.*", 's'},
    {"Job", "spec.parallelism", 'i'},
    {"Job", "spec.completions", 'i'},
    {"Job", "spec.backoffLimit", 'i'},
    {"Job", "spec.activeDeadlineSeconds", 'i'},
    {"Job", "spec.ttlSecondsAfterFinished", 'i'},
    {"Service", "spec.selector.*", 's'},
    {"Service", "spec.type", 's'},
    {"Service", "spec.clusterIP", 's'},
    {"Service", "spec.ports[].name", 's'},
    {"Service", "spec.ports[].port", 'i'},
    {"Service", "spec.ports[].protocol", 's'},
    {"LeaderPolicy", "spec.followerMode", 's'},
    {"LeaderPolicy", "spec.leaseDurationSeconds", 'i'},
};

/* Its keys are the manifest's own. */
static bool is_map(const char *kind, const char *path)
{
    const char *dot = strrchr(path, '.');
    const char *last = dot != NULL ? dot + 1 : path;
    return strcmp(last, "labels") == 0 || strcmp(last, "annotations") == 0 ||
           strcmp(last, "matchLabels") == 0 ||
           (strcmp(kind, "Service") == 0 && strcmp(path, "spec.selector") == 0);
}

/* A template is a pod, and a CronJob's a Job. */
static void descend(const char **kind, const char **path)
{
    static const char JOB[] = "spec.jobTemplate.";
    static const char POD[] = "spec.template.";
    if (strcmp(*kind, "CronJob") == 0 && strncmp(*path, JOB, sizeof JOB - 1) == 0) {
        *kind = "Job";
        *path += sizeof JOB - 1;
    }
    if (strcmp(*kind, "Pod") != 0 && strncmp(*path, POD, sizeof POD - 1) == 0) {
        *kind = "Pod";
        *path += sizeof POD - 1;
    }
}

/* TYPE 0: an object or array on the way to a field. */
static bool is_known(const char *kind, const char *path, char type)
{
    descend(&kind, &path);
    size_t length = strlen(path);
    for (size_t i = 0; i < sizeof SHAPES / sizeof SHAPES[0]; i++) {
        const struct shape *shape = &SHAPES[i];
        if ((shape->kind[0] != '*' && strcmp(shape->kind, kind) != 0) ||
            strncmp(shape->path, path, length) != 0) {
            continue;
        }
        char next = shape->path[length];
        if (type == 0 ? next == '.' || next == '[' : next == '\0' && shape->type == type) {
            return true;
        }
    }
    return false;
}

static char type_of(const struct cJSON *node)
{
    if (cJSON_IsBool(node)) {
        return 'b';
    }
    return cJSON_IsNumber(node) ? 'i' : zl_json_is_text(node) ? 's' : '-';
}

static char *check(const char *kind, const struct cJSON *node, const char *path)
{
    bool inner = zl_json_is_object(node) || zl_json_is_array(node);
    bool template = strcmp(path, "spec.template") == 0 || strcmp(path, "spec.jobTemplate") == 0 ||
                    strcmp(path, "spec.jobTemplate.spec.template") == 0 || path[0] == '\0';
    if (!(inner && template) && !is_known(kind, path, inner ? 0 : type_of(node))) {
        return zl_asprintf("%s %s", kind, path);
    }
    for (const struct cJSON *child = inner ? node->child : NULL; child != NULL;
         child = child->next) {
        const char *name = zl_json_is_array(node) ? "[]" : is_map(kind, path) ? "*" : child->string;
        ZL_AUTO_FREE char *inside =
            zl_asprintf("%s%s%s", path, path[0] == '\0' || zl_json_is_array(node) ? "" : ".", name);
        char *unknown = check(kind, child, inside);
        if (unknown != NULL) {
            return unknown;
        }
    }
    return NULL;
}

char *zl_shape_check(const struct cJSON *object)
{
    const char *kind = zl_json_text(object, "kind", NULL);
    return kind == NULL ? zl_strdup("kind") : check(kind, object, "");
}
