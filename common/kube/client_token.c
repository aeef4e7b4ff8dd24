/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bearer token. A kubelet replaces a pod's token by swapping a symbolic link, so the file's
 * identity changes; a person's edit changes its time. Both are seen by one stat a second.
 */
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/parse.h"
#include "common/kube/client_internal.h"

#define CHECK_EVERY_MS 1000

static bool same_file(const struct stat *left, const struct stat *right)
{
    return left->st_dev == right->st_dev && left->st_ino == right->st_ino &&
           left->st_size == right->st_size && left->st_mtim.tv_sec == right->st_mtim.tv_sec &&
           left->st_mtim.tv_nsec == right->st_mtim.tv_nsec;
}

/* The first line; a token has no white space in it, and it goes into a header line. */
static enum zl_status read_token(const char *path, char **out, struct zl_error *err)
{
    ZL_AUTO_FREE char *text = NULL;
    enum zl_status status = zl_file_read(path, &text, NULL, err);
    if (status != ZL_OK) {
        return status;
    }
    size_t start = strspn(text, " \t\r\n");
    size_t length = strcspn(text + start, " \t\r\n");
    if (length == 0) {
        return zl_error_set(err, ZL_E_INVALID, "token file %s is empty", path);
    }
    *out = zl_strndup(text + start, length);
    return ZL_OK;
}

enum zl_status zl_kube_token_init(struct zl_kube_token *token, const char *value, const char *path,
                                  struct zl_error *err)
{
    *token = (struct zl_kube_token){.path = zl_strdup(path), .value = zl_strdup(value)};
    pthread_mutex_init(&token->lock, NULL);
    if (path == NULL) {
        return ZL_OK;
    }
    struct stat seen = {0};
    char *fresh = NULL;
    bool found = stat(path, &seen) == 0;
    enum zl_status status = read_token(path, &fresh, err);
    if (status != ZL_OK) {
        return value != NULL ? ZL_OK
                             : status; /* with a fixed token to start with, it may appear later */
    }
    free(token->value);
    token->value = fresh;
    token->seen = found ? seen : (struct stat){0};
    token->next_check_ms = zl_clock_ms() + CHECK_EVERY_MS;
    return ZL_OK;
}

void zl_kube_token_clear(struct zl_kube_token *token)
{
    free(token->path);
    free(token->value);
    pthread_mutex_destroy(&token->lock);
}

static void refresh(struct zl_kube_token *token)
{
    struct stat now = {0};
    struct zl_error err = {0};
    char *fresh = NULL;
    if (stat(token->path, &now) == 0 && same_file(&now, &token->seen)) {
        token->complained = false;
        return;
    }
    if (read_token(token->path, &fresh, &err) == ZL_OK) {
        free(token->value);
        token->value = fresh;
        token->seen = now;
        token->complained = false;
    } else if (!token->complained) {
        ZL_LOG_WARN("token file unusable, keeping the last token", ZL_STR("path", token->path),
                    ZL_ERR(&err));
        token->complained = true;
    }
}

char *zl_kube_token_get(struct zl_kube_token *token)
{
    pthread_mutex_lock(&token->lock);
    int64_t now_ms = zl_clock_ms();
    if (token->path != NULL && now_ms >= token->next_check_ms) {
        token->next_check_ms = now_ms + CHECK_EVERY_MS;
        refresh(token);
    }
    char *value = zl_strdup(token->value);
    pthread_mutex_unlock(&token->lock);
    return value;
}
