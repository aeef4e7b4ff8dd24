/* SPDX-License-Identifier: Apache-2.0 */
#include "common/http/server.h"

#include "common/base/limits.h"
#include "common/base/metrics.h"

void zl_http_respond_metrics(struct zl_http_response *response)
{
    ZL_AUTO_BUF struct zl_buf text;
    zl_buf_init(&text, ZL_ANSWER_MAX);
    zl_metrics_write(&text);
    response->content_type = "text/plain; version=0.0.4; charset=utf-8";
    response->body_length = text.length;
    response->body = zl_buf_take(&text);
}
