/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values are atomic, so whoever counts, observes or writes the exposition needs the lock for reading only: a scrape delays no
 * review. For writing it is held where a series or family comes or goes. A scrape may see an observation's bucket before its sum.
 */
#include "common/base/metrics.h"

#include "common/base/hash.h"
#include "common/base/monitor.h"
#include "common/base/utf8.h"

#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>

const double ZL_BUCKETS_SECONDS[] = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                     0.25,  0.5,    1,     2.5,  5,     10,   0};

struct series {
    char *value1, *value2, *value3; /* "" where there is no label */
    _Atomic double value;           /* of a histogram: the sum */
    /* Of a histogram: observations in each bucket alone, not cumulated, and behind them those beyond the last one. */
    atomic_uint_fast64_t *in_bucket;
    struct series *next;
};

struct zl_samples {
    struct series *first;
    struct series **end; /* where the next one goes */
};

struct family {
    const struct zl_metric *metric;
    struct series *first;
    UT_hash_handle hh; /* by METRIC; in order of registration */
};

/* In order of registration and of first use: the exposition is stable. */
static pthread_rwlock_t lock = ZL_READ_LOCK_INITIALIZER;
static struct family *families;

static void lock_cleanup(pthread_rwlock_t **held)
{
    (void)pthread_rwlock_unlock(*held);
}

static pthread_rwlock_t *locked(bool for_writing)
{
    (void)(for_writing ? pthread_rwlock_wrlock(&lock) : pthread_rwlock_rdlock(&lock));
    return &lock;
}

/* NOLINTBEGIN(bugprone-macro-parentheses): declarations */
#define HOLD_LOCK_AS(for_writing)                                                                  \
    __attribute__((unused)) ZL_CLEANUP(lock_cleanup) pthread_rwlock_t *held_ = locked(for_writing)
/* NOLINTEND(bugprone-macro-parentheses) */
#define HOLD_LOCK HOLD_LOCK_AS(true)
#define HOLD_LOCK_TO_READ HOLD_LOCK_AS(false)

static size_t bucket_count(const struct zl_metric *metric)
{
    size_t count = 0;
    while (metric->buckets != NULL && metric->buckets[count] > 0) {
        count++;
    }
    return count;
}

static struct family *find_family(const struct zl_metric *metric)
{
    struct family *family = NULL;
    HASH_FIND_PTR(families, &metric, family);
    return family;
}

static struct family *get_family(const struct zl_metric *metric)
{
    struct family *family = find_family(metric);
    if (family == NULL) {
        family = zl_alloc(sizeof *family);
        family->metric = metric;
        HASH_ADD_PTR(families, metric, family);
    }
    return family;
}

static struct series **series_link(struct family *family, const char *value1, const char *value2)
{
    struct series **link = &family->first;
    while (*link != NULL &&
           (strcmp((*link)->value1, value1) != 0 || strcmp((*link)->value2, value2) != 0)) {
        link = &(*link)->next;
    }
    return link;
}

static const char *or_empty(const char *value)
{
    return value != NULL ? value : "";
}

static struct series *new_series(const char *value1, const char *value2, const char *value3)
{
    struct series *series = zl_alloc(sizeof *series);
    series->value1 = zl_strdup(or_empty(value1));
    series->value2 = zl_strdup(or_empty(value2));
    series->value3 = zl_strdup(or_empty(value3));
    return series;
}

static void free_all(struct series *series)
{
    while (series != NULL) {
        struct series *next = series->next;
        free(series->value1);
        free(series->value2);
        free(series->value3);
        free(series->in_bucket);
        free(series);
        series = next;
    }
}

/* A metric that nobody registered is registered here, rather than lost. */
static struct series *get_series(const struct zl_metric *metric, const char *value1,
                                 const char *value2)
{
    struct family *family = get_family(metric);
    struct series **link = series_link(family, or_empty(value1), or_empty(value2));
    if (*link == NULL) {
        struct series *series = new_series(value1, value2, NULL);
        if (metric->type == ZL_METRIC_HISTOGRAM) {
            series->in_bucket = zl_alloc((bucket_count(metric) + 1) * sizeof *series->in_bucket);
        }
        *link = series;
    }
    return *link;
}

static struct series *find_series(const struct zl_metric *metric, const char *value1,
                                  const char *value2)
{
    struct family *family = find_family(metric);
    return family != NULL ? *series_link(family, or_empty(value1), or_empty(value2)) : NULL;
}

/* The lock is held for reading afterwards: the series stays. */
static struct series *hold_series(const struct zl_metric *metric, const char *value1,
                                  const char *value2)
{
    for (;;) {
        (void)pthread_rwlock_rdlock(&lock);
        struct series *series = find_series(metric, value1, value2);
        if (series != NULL) {
            return series;
        }
        (void)pthread_rwlock_unlock(&lock);
        HOLD_LOCK;
        (void)get_series(metric, value1, value2);
    }
}

static void let_go(void)
{
    (void)pthread_rwlock_unlock(&lock);
}

static void add_to(_Atomic double *value, double by)
{
    double before = atomic_load_explicit(value, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(value, &before, before + by, memory_order_relaxed,
                                                  memory_order_relaxed)) {
        ;
    }
}

void zl_metrics_register(const struct zl_metric *metric)
{
    HOLD_LOCK;
    (void)get_family(metric);
    if (metric->type == ZL_METRIC_HISTOGRAM) {
        return;
    }
    if (metric->label1 == NULL) {
        (void)get_series(metric, NULL, NULL);
    }
    for (size_t i = 0; metric->zeros != NULL && metric->zeros[i] != NULL; i++) {
        (void)get_series(metric, metric->zeros[i], NULL);
    }
    const char *value1 = NULL;
    const char *value2 = NULL;
    for (size_t i = 0; metric->zero_at != NULL && (value1 = metric->zero_at(i, &value2)) != NULL;
         i++) {
        (void)get_series(metric, value1, value2);
    }
}

void zl_metrics_register_all(const struct zl_metric *const *const *lists)
{
    for (; *lists != NULL; lists++) {
        for (const struct zl_metric *const *metric = *lists; *metric != NULL; metric++) {
            zl_metrics_register(*metric);
        }
    }
}

void zl_metric_add(const struct zl_metric *metric, const char *value1, const char *value2,
                   double by)
{
    /* a counter that falls would read as a restart */
    if (metric->type == ZL_METRIC_HISTOGRAM || isnan(by) ||
        (metric->type == ZL_METRIC_COUNTER && by < 0)) {
        return;
    }
    add_to(&hold_series(metric, value1, value2)->value, by);
    let_go();
}

void zl_metric_set(const struct zl_metric *metric, const char *value1, const char *value2,
                   double to)
{
    if (metric->type == ZL_METRIC_HISTOGRAM) {
        return;
    }
    atomic_store_explicit(&hold_series(metric, value1, value2)->value, to, memory_order_relaxed);
    let_go();
}

void zl_metric_observe(const struct zl_metric *metric, const char *value1, const char *value2,
                       double seconds)
{
    if (metric->type != ZL_METRIC_HISTOGRAM || isnan(seconds)) {
        return;
    }
    struct series *series = hold_series(metric, value1, value2);
    const size_t buckets = bucket_count(metric);
    size_t i = 0;
    while (i < buckets && seconds > metric->buckets[i]) {
        i++;
    }
    atomic_fetch_add_explicit(&series->in_bucket[i], 1, memory_order_relaxed);
    add_to(&series->value, seconds);
    let_go();
}

struct zl_samples *zl_samples_new(void)
{
    struct zl_samples *samples = zl_alloc(sizeof *samples);
    samples->end = &samples->first;
    return samples;
}

void zl_samples_free(struct zl_samples *samples)
{
    if (samples != NULL) {
        free_all(samples->first);
        free(samples);
    }
}

void zl_samples_add(struct zl_samples *samples, const char *value1, const char *value2,
                    const char *value3, double value)
{
    struct series *series = new_series(value1, value2, value3);
    series->value = value;
    *samples->end = series;
    samples->end = &series->next;
}

void zl_metric_replace(const struct zl_metric *metric, struct zl_samples *taken)
{
    if (metric->type != ZL_METRIC_HISTOGRAM) {
        HOLD_LOCK;
        struct family *family = get_family(metric);
        struct series *old = family->first;
        family->first = taken->first;
        taken->first = old;
    }
    zl_samples_free(taken);
}

static uint64_t count_of(const struct zl_metric *metric, const struct series *series)
{
    uint64_t count = 0;
    for (size_t i = 0; i <= bucket_count(metric); i++) {
        count += atomic_load_explicit(&series->in_bucket[i], memory_order_relaxed);
    }
    return count;
}

double zl_metric_value(const struct zl_metric *metric, const char *value1, const char *value2)
{
    HOLD_LOCK_TO_READ;
    const struct series *series = find_series(metric, value1, value2);
    if (series == NULL) {
        return 0;
    }
    return metric->type == ZL_METRIC_HISTOGRAM ? (double)count_of(metric, series) : series->value;
}

/* TEXT with '\' and line breaks escaped, and '"' too for QUOTED; bytes that are not UTF-8 replaced. */
static bool add_escaped(struct zl_buf *out, const char *text, bool quoted)
{
    bool ok = true;
    while (*text != '\0' && ok) {
        size_t size = zl_utf8_size(text);
        if (size == 0) {
            ok = zl_buf_add_text(out, ZL_UTF8_REPLACEMENT);
        } else if (*text == '\n') {
            ok = zl_buf_add_text(out, "\\n");
        } else if (*text == '\\' || (*text == '"' && quoted)) {
            ok = zl_buf_add_text(out, "\\") && zl_buf_add(out, text, 1);
        } else {
            ok = zl_buf_add(out, text, size);
        }
        text += size > 0 ? size : 1;
    }
    return ok;
}

/* The shortest of 15 or 17 digits that reads back as VALUE. */
static void format_number(double value, char out[32])
{
    if (isnan(value) || isinf(value)) {
        (void)snprintf(out, 32, "%s", isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf");
        return;
    }
    (void)snprintf(out, 32, "%.15g", value);
    if (strtod(out, NULL) != value) {
        (void)snprintf(out, 32, "%.17g", value);
    }
}

/* One `name="value"` after a comma if *COUNT says that others came before. */
static bool add_label(struct zl_buf *out, size_t *count, const char *name, const char *value)
{
    if (name == NULL) {
        return true;
    }
    return zl_buf_printf(out, "%s%s=\"", (*count)++ > 0 ? "," : "{", name) &&
           add_escaped(out, value, true) && zl_buf_add_text(out, "\"");
}

/* `name_suffix{labels,le="..."} value`; LE may be NULL. */
static bool add_sample(struct zl_buf *out, const struct zl_metric *metric,
                       const struct series *series, const char *suffix, const char *le,
                       double value)
{
    char number[32];
    format_number(value, number);
    size_t labels = 0;
    return zl_buf_printf(out, "%s%s", metric->name, suffix) &&
           add_label(out, &labels, metric->label1, series->value1) &&
           add_label(out, &labels, metric->label2, series->value2) &&
           add_label(out, &labels, metric->label3, series->value3) &&
           add_label(out, &labels, le != NULL ? "le" : NULL, le) &&
           zl_buf_printf(out, "%s %s\n", labels > 0 ? "}" : "", number);
}

static bool add_histogram(struct zl_buf *out, const struct zl_metric *metric,
                          const struct series *series)
{
    uint64_t cumulated = 0;
    const size_t buckets = bucket_count(metric);
    for (size_t i = 0; i <= buckets; i++) { /* each is read once: the last line is the sum of all */
        char le[32] = "+Inf";
        if (i < buckets) {
            format_number(metric->buckets[i], le);
        }
        cumulated += atomic_load_explicit(&series->in_bucket[i], memory_order_relaxed);
        if (!add_sample(out, metric, series, "_bucket", le, (double)cumulated)) {
            return false;
        }
    }
    return add_sample(out, metric, series, "_sum", NULL, series->value) &&
           add_sample(out, metric, series, "_count", NULL, (double)cumulated);
}

static bool add_family(struct zl_buf *out, const struct family *family)
{
    static const char *const types[] = {"counter", "gauge", "histogram", "untyped"};
    const struct zl_metric *metric = family->metric;
    bool ok = zl_buf_printf(out, "# HELP %s ", metric->name) &&
              add_escaped(out, or_empty(metric->help), false) &&
              zl_buf_printf(out, "\n# TYPE %s %s\n", metric->name, types[metric->type]);
    for (const struct series *series = family->first; series != NULL && ok; series = series->next) {
        ok = metric->type == ZL_METRIC_HISTOGRAM
                 ? add_histogram(out, metric, series)
                 : add_sample(out, metric, series, "", NULL, series->value);
    }
    return ok;
}

/* A family that does not fit is left out whole: half a line would spoil the scrape. */
void zl_metrics_write(struct zl_buf *out)
{
    HOLD_LOCK_TO_READ;
    for (const struct family *family = families; family != NULL; family = family->hh.next) {
        size_t before = out->length;
        if (!add_family(out, family) && out->data != NULL) {
            out->length = before;
            out->data[before] = '\0';
        }
    }
}

void zl_metrics_reset(void)
{
    HOLD_LOCK;
    struct family *family = NULL, *next = NULL;
    HASH_ITER(hh, families, family, next)
    {
        HASH_DELETE(hh, families, family);
        free_all(family->first);
        free(family);
    }
}
