/* SPDX-License-Identifier: Apache-2.0 */
/*
 * limits.h - every bound on data whose size someone else chooses, with its arithmetic.
 */
#ifndef ZL_LIMITS_H
#define ZL_LIMITS_H

#define ZL_KIB 1024ul
#define ZL_MIB (1024ul * ZL_KIB)

/* etcd refuses objects over 1.5 MiB; a review holds object and oldObject, of which few are escaped: 2 x 1.5 x ~2 + envelope. */
#define ZL_ADMISSION_BODY_MAX (7ul * ZL_MIB)
/* One object of a watch is one line: 1.5 MiB in etcd, mostly as much as JSON. A "<" takes six bytes there, so that 9 MiB are possible. */
#define ZL_WATCH_LINE_MAX (4ul * ZL_MIB)
/* One answer: a page of ZL_LIST_PAGE objects of 20 KiB is 5 MiB; pods with large env blocks reach 100 KiB. */
#define ZL_ANSWER_MAX (64ul * ZL_MIB)
#define ZL_LIST_PAGE 250
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
