/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics.h - counters, gauges and histograms in Prometheus text format 0.0.4.
 *
 * A file declares its families as constants and lists them in ZL_..._METRICS, an array that ends with NULL; each
 * program's main.c names the lists that it shows. A series is made at its first use. The values of labels must come from a bounded set: a name that a user chooses stands only in
 * families that are replaced whole at each scrape (zl_metric_replace), so that it goes with what it names.
 *
 * Threads: any; one lock.
 */
#ifndef ZL_METRICS_H
#define ZL_METRICS_H

#include "common/base/buf.h"

#include <stdint.h>

enum zl_metric_type {
    ZL_METRIC_COUNTER,
    ZL_METRIC_GAUGE,
    ZL_METRIC_HISTOGRAM,
    ZL_METRIC_UNTYPED, /* a gauge whose name, which is not ours to choose, ends in _total */
};

struct zl_metric {
    const char *name; /* "zen_lead_admission_decisions_total" */
    enum zl_metric_type type;
    const char *help;
    const char *label1, *label2; /* label names, or NULL */
    const char *label3;          /* only of families that are replaced */
    const double *buckets; /* histogram: ascending upper bounds in the metric's unit, ends with 0 */
    /*
     * Of a counter or gauge with labels: the series that are shown as 0 from its registration on. A rate needs a value
     * before the first one. Either is NULL where there are none.
     */
    const char *const *zeros; /* values of LABEL1, NULL last */
    /* Value of LABEL1 of the INDEX-th of them, *VALUE2 receives that of LABEL2; NULL: there are no more. Pure. */
    const char *(*zero_at)(size_t index, const char **value2);
};

/* METRIC must outlive the process. A counter or gauge without labels is shown as 0 from here on. */
void zl_metrics_register(const struct zl_metric *metric);
/* Each metric of each list; lists and the list of lists end with NULL. */
void zl_metrics_register_all(const struct zl_metric *const *const *lists);
/* VALUE1, VALUE2: label values, NULL where there is no label. */
void zl_metric_add(const struct zl_metric *metric, const char *value1, const char *value2,
                   double by);
void zl_metric_set(const struct zl_metric *metric, const char *value1, const char *value2,
                   double to);
void zl_metric_observe(const struct zl_metric *metric, const char *value1, const char *value2,
                       double seconds);
/* What is measured anew at each scrape, aside: until it is published, nobody sees it. */
struct zl_samples; /* opaque; one thread's */
struct zl_samples *zl_samples_new(void);
void zl_samples_free(struct zl_samples *samples);
/* VALUE1 to VALUE3 as in zl_metric_add; each combination once. */
void zl_samples_add(struct zl_samples *samples, const char *value1, const char *value2,
                    const char *value3, double value);
/* SAMPLES (taken) are the family's series from now on, and no others. Not for histograms. */
void zl_metric_replace(const struct zl_metric *metric, struct zl_samples *taken);
/* Current value of a counter or gauge series, or count of a histogram's; 0 when unknown. For tests. */
double zl_metric_value(const struct zl_metric *metric, const char *value1, const char *value2);
/* The whole exposition; a family that OUT has no room for is left out whole. */
void zl_metrics_write(struct zl_buf *out);
/* Forget all series and registrations. For tests. */
void zl_metrics_reset(void);

/* 1 ms .. 10 s, for API calls and decisions */
extern const double ZL_BUCKETS_SECONDS[];

#endif
