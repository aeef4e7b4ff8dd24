/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limits.h - every bound on data whose size someone else chooses, with its arithmetic.
 */
#ifndef ZL_LIMITS_H
#define ZL_LIMITS_H

#define ZL_KIB 1024ul
#define ZL_MIB (1024ul * ZL_KIB)

/*
 * A review holds object and oldObject. The API server takes requests of 3 MiB, in protobuf if asked, and has stored 1.5 MiB of
 * the old one; as JSON each byte may become six (see ZL_KEPT_MAX): 18 + 9 MiB, and the envelope. Hardly anything of it is
 * kept.
 */
#define ZL_ADMISSION_BODY_MAX (28ul * ZL_MIB)
/*
 * An object of the API server, as JSON. etcd takes requests of 1.5 MiB, and stores protobuf: there "<" is one byte, and an
 * entry of a list has two or three beside its texts. JSON writes "<" as \u003c, six bytes: 9 MiB. That much, and more where
 * etcd was given a larger limit, passes through a list or watch without being kept: see json_prune.h. What is kept of one
 * object is what our decoders read; of a pod that is 1 to 3 KiB.
 */
#define ZL_KEPT_MAX (384ul * ZL_KIB)
/*
 * Of that, what stays in memory for as long as the object exists, in a namespace of ours: a pod's labels, its template's, and a
 * selector, as JSON. Kubernetes bounds a label (63 bytes, its key 317) but not how many there are. Room for fifty labels
 * of 160 bytes; a thousand Deployments that use all of it for both take 16 MiB.
 */
#define ZL_LABELS_KEPT_MAX (8ul * ZL_KIB)
/* Ports of a pod's containers, and of a Service. An EndpointSlice has at most 100, so more cannot be led to anyway. */
#define ZL_PORTS_KEPT_MAX 256
/* The same of a request's body: of two objects in a review of a workload. */
#define ZL_BODY_KEPT_MAX (256ul * ZL_KIB)
/* For members of up to ZL_JSON_SMALL bytes beyond those: name, uid, version, phase. */
#define ZL_KEPT_RESERVE (16ul * ZL_KIB)
/*
 * Bodies and trees under way (budget.h). A text may take 40 times its size as a tree, so the largest object is 400 KiB x 41 =
 * 16.1 MiB, and the largest body 272 KiB x 41 = 10.9 MiB: one of each at a time. A small request is 1.6 KiB of text and its
 * tree; what is read of a pod's review is 0.7 KiB, 1.4 with the longest names. There is one for each of 512 connections.
 * Objects of up to 6 KiB are not counted: pods have 1 to 3.
 */
#define ZL_BUDGET_OBJECTS_MAX (17ul * ZL_MIB)
#define ZL_BUDGET_FREE_SHARE (256ul * ZL_KIB)
#define ZL_BUDGET_REQUESTS_MAX (12ul * ZL_MIB)
#define ZL_BUDGET_SMALL_SHARE (64ul * ZL_KIB)
#define ZL_BUDGET_SMALL_REQUESTS_MAX (512ul * ZL_BUDGET_SMALL_SHARE)
/* An object of which all is wanted: a Lease, a Secret, a webhook configuration, our own. 9 MiB, see above. */
#define ZL_WHOLE_ANSWER_MAX (9ul * ZL_MIB)
/* What is read of one answer that is no list: far more than an object can be. It is not kept. */
#define ZL_ANSWER_MAX (64ul * ZL_MIB)
/* Objects of one page, which may be of any size in bytes. */
#define ZL_LIST_PAGE 250
/*
 * A list of all there is begins with fewer: somebody's objects may be large, and a page must be here within
 * ZL_KUBE_TIMEOUT_MS. An API server on two processors took 10 s for 250 Deployments of 436 KB (100 of them a large env, the rest its
 * managedFields) before it sent a byte. After a page of more than ZL_PAGE_AIM the next one has half as many objects, after one of less
 * than a quarter twice as many.
 */
#define ZL_LIST_FIRST_PAGE 50
#define ZL_PAGE_AIM (8ul * ZL_MIB)
/* A kubeconfig, CA bundle, token or key file. */
#define ZL_FILE_MAX (1ul * ZL_MIB)
/* A serving certificate and its issuers; every handshake carries all of them. Real chains have 2 to 4. */
#define ZL_CERT_CHAIN_MAX 16
/* No Kubernetes object nests deeper than about 30; a CRD schema reaches 60. */
#define ZL_JSON_DEPTH_MAX 128
/*
 * Pools whose ages are remembered: far more than can be renewed (tuning.md). A record takes 250 bytes, 1 KiB with the
 * longest names: 16 MiB, or 64.
 */
#define ZL_KEYS_REMEMBERED_MAX 65536
/* Of deleted pools, until the last claim of them must be over. */
#define ZL_GONE_REMEMBERED_MAX 1024
/* The longest name of an object; a uid has 36 bytes. */
#define ZL_ID_REMEMBERED_MAX 253
/* The largest --claim-timeout-seconds. */
#define ZL_CLAIM_TIMEOUT_MAX_S 300
/* One log line; longer values are cut. */
#define ZL_LOG_LINE_MAX (4ul * ZL_KIB)

#endif
