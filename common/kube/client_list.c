/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_list.c - a list that runs in a loop: one page after the other, each an exchange.
 */
#include "common/base/limits.h"
#include "common/kube/client_internal.h"

struct zl_kube_lister {
    struct zl_kube_client *client;
    struct zl_kube_loop *loop;
    struct zl_kube_list_spec spec;
    struct zl_kube_target target; /* with a copy of the namespace */
    char *namespace_;
    struct zl_kube_page page;
    struct zl_kube_exchange *exchange;
    int count; /* objects of the page that is under way */
    char *version;
};

static enum zl_status ask(struct zl_kube_lister *lister, const char *token, struct zl_error *err);

static enum zl_status take(void *ctx, const char *bytes, size_t length, struct zl_error *err)
{
    struct zl_kube_lister *lister = ctx;
    return zl_kube_page_take(&lister->page, bytes, length, err);
}

static void end(struct zl_kube_lister *lister, enum zl_status status, struct zl_error *err)
{
    lister->spec.ended(lister->spec.ctx, status, status == ZL_OK ? lister->version : NULL, err);
}

static void page_ended(void *ctx, enum zl_status status, struct zl_error *err)
{
    struct zl_kube_lister *lister = ctx;
    if (status == ZL_OK) {
        status = zl_kube_page_end(&lister->page, err);
    }
    if (status != ZL_OK) {
        end(lister, status, err);
        return;
    }
    if (lister->version == NULL) {
        lister->version =
            zl_strdup(zl_json_text(lister->page.head, "metadata", "resourceVersion", NULL));
    }
    ZL_AUTO_FREE char *token =
        zl_strdup(zl_json_text(lister->page.head, "metadata", "continue", NULL));
    lister->count = zl_kube_page_next(lister->count, lister->page.received);
    if (token == NULL || token[0] == '\0') {
        end(lister, ZL_OK, err);
        return;
    }
    status = ask(lister, token, err);
    if (status != ZL_OK) {
        end(lister, status, err);
    }
}

/* For the page after TOKEN (NULL: the first). */
static enum zl_status ask(struct zl_kube_lister *lister, const char *token, struct zl_error *err)
{
    const struct zl_kube_exchange_spec spec = {
        .anew = lister->spec.anew && token == NULL,
        .take = take,
        .ended = page_ended,
        .ctx = lister,
    };
    zl_kube_exchange_free(ZL_STEAL(&lister->exchange));
    zl_kube_page_clear(&lister->page);
    lister->page = (struct zl_kube_page){
        .target = &lister->target, .each = lister->spec.each, .ctx = lister->spec.ctx};
    enum zl_status status = zl_kube_page_begin(&lister->page, lister->client,
                                               &lister->spec.selector, lister->count, token, err);
    if (status != ZL_OK) {
        return status;
    }
    return zl_kube_exchange_start(lister->client, lister->loop, &lister->page.request, &spec,
                                  &lister->exchange, err);
}

enum zl_status zl_kube_lister_start(struct zl_kube_client *client, struct zl_kube_loop *loop,
                                    const struct zl_kube_list_spec *spec,
                                    struct zl_kube_lister **out, struct zl_error *err)
{
    struct zl_kube_lister *lister = zl_alloc(sizeof *lister);
    lister->client = client;
    lister->loop = loop;
    lister->spec = *spec;
    lister->target = *spec->target;
    lister->target.namespace_ = lister->namespace_ = zl_strdup(spec->target->namespace_);
    lister->count = spec->target->page > 0 ? spec->target->page : ZL_LIST_PAGE;
    enum zl_status status = ask(lister, NULL, err);
    if (status != ZL_OK) {
        zl_kube_lister_free(lister);
        return status;
    }
    *out = lister;
    return ZL_OK;
}

void zl_kube_lister_free(struct zl_kube_lister *lister)
{
    if (lister == NULL) {
        return;
    }
    zl_kube_exchange_free(lister->exchange);
    zl_kube_page_clear(&lister->page);
    free(lister->namespace_);
    free(lister->version);
    free(lister);
}
