/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/review/shapes.h"

#include "common/objects/meta.h"
#include "common/objects/names.h"

/* --- the envelope --------------------------------------------------------------------------- */

static const struct zl_json_shape USER[] = {{.name = "username"}, {.name = NULL}};
static const struct zl_json_shape REQUEST[] = {{.name = "uid"},
                                               {.name = "operation"},
                                               {.name = "resource"},
                                               {.name = "subResource"},
                                               {.name = "namespace"},
                                               {.name = "name"},
                                               {.name = "userInfo", .members = USER},
                                               {.name = "dryRun"},
                                               {.name = NULL}};

#define ENVELOPE(request)                                                                          \
    {                                                                                              \
        {.name = "kind"}, {.name = "apiVersion"}, {.name = "request", .members = (request)},       \
        {                                                                                          \
            .name = NULL                                                                           \
        }                                                                                          \
    }

/* --- pods ----------------------------------------------------------------------------------- */

static const struct zl_json_shape POD_ANNOTATIONS[] = {{.name = ZL_KEY_IDENTITY},
                                                       {.name = ZL_KEY_PROBE},
                                                       {.name = "kubernetes.io/config.mirror"},
                                                       {.name = NULL}};
static const struct zl_json_shape POD_METADATA[] = {
    {.name = "labels"},
    {.name = "annotations", .members = POD_ANNOTATIONS},
    {.members = ZL_META_SHAPE}};
static const struct zl_json_shape POD[] = {{.name = "metadata", .members = POD_METADATA},
                                           {.name = NULL}};
static const struct zl_json_shape POD_REQUEST[] = {{.name = "object", .members = POD},
                                                   {.members = REQUEST}};
const struct zl_json_shape ZL_REVIEW_OF_POD[] = ENVELOPE(POD_REQUEST);

/* --- LeaderPolicies ------------------------------------------------------------------------- */

static const struct zl_json_shape POLICY_ANNOTATIONS[] = {
    {.name = "kubectl.kubernetes.io/last-applied-configuration"}, {.name = NULL}};
static const struct zl_json_shape POLICY_METADATA[] = {
    {.name = "annotations", .members = POLICY_ANNOTATIONS}, {.members = ZL_META_SHAPE}};
static const struct zl_json_shape POLICY[] = {
    {.name = "metadata", .members = POLICY_METADATA}, {.name = "spec"}, {.name = NULL}};
static const struct zl_json_shape OLD_POLICY[] = {{.name = "spec"}, {.name = NULL}};
static const struct zl_json_shape POLICY_REQUEST[] = {{.name = "object", .members = POLICY},
                                                      {.name = "oldObject", .members = OLD_POLICY},
                                                      {.members = REQUEST}};
const struct zl_json_shape ZL_REVIEW_OF_POLICY[] = ENVELOPE(POLICY_REQUEST);

/* --- workloads and Services ----------------------------------------------------------------- */

/* All that look like ours: misspelt ones are warned of. */
static const struct zl_json_shape OUR_KEYS[] = {
    {.name = "zen-lead/*"}, {.name = "zen-lead.io/*"}, {.name = ZL_KEY_MANAGED_BY}, {.name = NULL}};
static const struct zl_json_shape WORKLOAD_METADATA[] = {
    {.name = "labels", .members = OUR_KEYS},
    {.name = "annotations", .members = OUR_KEYS},
    {.members = ZL_META_SHAPE}};
static const struct zl_json_shape WORKLOAD[] = {
    {.name = "metadata", .members = WORKLOAD_METADATA}, {.name = "spec"}, {.name = NULL}};
static const struct zl_json_shape WORKLOAD_REQUEST[] = {{.name = "object", .members = WORKLOAD},
                                                        {.name = "oldObject", .members = WORKLOAD},
                                                        {.members = REQUEST}};
const struct zl_json_shape ZL_REVIEW_OF_WORKLOAD[] = ENVELOPE(WORKLOAD_REQUEST);
