/* SPDX-License-Identifier: Apache-2.0 */
#include "common/http/server.h"

#include "common/base/limits.h"
#include "common/base/process_metrics.h"

#include <stdatomic.h>

/* One scraper, one that is being replaced, and a person who looks. Measuring walks all of memory. */
enum { SCRAPES_AT_ONCE = 4 };

static atomic_int scrapes;

static void write_metrics(struct zl_http_response *response)
{
    ZL_AUTO_BUF struct zl_buf text;
    zl_buf_init(&text, ZL_ANSWER_MAX);
    zl_process_metrics_measure();
    zl_metrics_write(&text);
    response->content_type = "text/plain; version=0.0.4; charset=utf-8";
    response->body_length = text.length;
    response->body = zl_buf_take(&text);
}

void zl_http_respond_metrics(struct zl_http_response *response, void (*measure)(void *ctx),
                             void *ctx)
{
    if (atomic_fetch_add(&scrapes, 1) < SCRAPES_AT_ONCE) {
        measure(ctx);
        write_metrics(response);
    } else {
        zl_http_respond_text(response, 503, "503: scraped by too many at once, try again\n");
    }
    atomic_fetch_sub(&scrapes, 1);
}
