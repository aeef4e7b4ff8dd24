/* SPDX-License-Identifier: Apache-2.0 */
#include "common/kube/config.h"

#include "common/base/parse.h"
#include "common/kube/config_internal.h"

#include <unistd.h>

#define SERVICE_ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount"
#define FILES_MAX 32

void zl_kube_config_clear(struct zl_kube_config *config)
{
    free(config->server);
    free(config->namespace_);
    free(config->ca_pem);
    free(config->client_cert_pem);
    free(config->client_key_pem);
    free(config->token);
    free(config->token_file);
    free(config->username);
    free(config->password);
    free(config->proxy_url);
    free(config->tls_server_name);
    free(config->source);
    *config = (struct zl_kube_config){0};
}

/* The text of DIRECTORY/NAME without white space around it. */
static enum zl_status read_text(const char *directory, const char *name, char **out,
                                struct zl_error *err)
{
    ZL_AUTO_FREE char *path = zl_asprintf("%s/%s", directory, name);
    ZL_AUTO_FREE char *text = NULL;
    enum zl_status status = zl_file_read(path, &text, NULL, err);
    if (status != ZL_OK) {
        return status;
    }
    size_t start = strspn(text, " \t\r\n");
    size_t length = strlen(text + start);
    while (length > 0 && strchr(" \t\r\n", text[start + length - 1]) != NULL) {
        length--;
    }
    if (length == 0) {
        return zl_error_set(err, ZL_E_INVALID, "%s is empty", path);
    }
    *out = zl_strndup(text + start, length);
    return ZL_OK;
}

static enum zl_status fill_in_cluster(const char *directory, const char *host, const char *port,
                                      struct zl_kube_config *out, struct zl_error *err)
{
    int64_t number = 0;
    ZL_AUTO_FREE char *token = NULL; /* only to see that it is there: the client reads the file */
    if (host == NULL || host[0] == '\0') {
        return zl_error_set(err, ZL_E_INVALID, "KUBERNETES_SERVICE_HOST is not set");
    }
    if (port == NULL || zl_parse_i64(port, 1, 65535, &number, NULL) != ZL_OK) {
        return zl_error_set(err, ZL_E_INVALID, "KUBERNETES_SERVICE_PORT is not a port: \"%s\"",
                            port ? port : "");
    }
    enum zl_status status = read_text(directory, "token", &token, err);
    if (status == ZL_OK) {
        status = read_text(directory, "ca.crt", &out->ca_pem, err);
    }
    if (status == ZL_OK && strstr(out->ca_pem, "-----BEGIN ") == NULL) {
        status = zl_error_set(err, ZL_E_INVALID, "%s/ca.crt: no PEM certificate in it", directory);
    }
    if (status != ZL_OK) {
        return status;
    }
    bool ipv6 = strchr(host, ':') != NULL;
    out->server = zl_asprintf("https://%s%s%s:%s", ipv6 ? "[" : "", host, ipv6 ? "]" : "", port);
    out->token_file = zl_asprintf("%s/token", directory);
    out->source = zl_strdup("in-cluster");
    if (read_text(directory, "namespace", &out->namespace_, NULL) != ZL_OK) {
        out->namespace_ = zl_strdup("default");
    }
    return ZL_OK;
}

enum zl_status zl_kube_config_in_cluster(const char *directory, const char *host, const char *port,
                                         struct zl_kube_config *out, struct zl_error *err)
{
    *out = (struct zl_kube_config){0};
    enum zl_status status = fill_in_cluster(directory, host, port, out, err);
    if (status != ZL_OK) {
        zl_kube_config_clear(out);
        return zl_error_wrap(err, status, "in-cluster configuration");
    }
    return ZL_OK;
}

enum zl_status zl_kube_config_from_files(const char *paths, const char *context,
                                         struct zl_kube_config *out, struct zl_error *err)
{
    char *files[FILES_MAX] = {0};
    size_t count = 0;
    for (const char *at = paths; *at != '\0' && count < FILES_MAX;) {
        size_t length = strcspn(at, ":");
        if (length > 0) {
            files[count++] = zl_strndup(at, length);
        }
        at += length + (at[length] == ':' ? 1 : 0);
    }
    enum zl_status status =
        zl_kubeconfig_load((const char *const *)files, count, true, context, out, err);
    for (size_t i = 0; i < count; i++) {
        free(files[i]);
    }
    return status;
}

enum zl_status zl_kube_config_load(const char *path, const char *context,
                                   struct zl_kube_config *out, struct zl_error *err)
{
    const char *paths = getenv("KUBECONFIG");
    const char *host = getenv("KUBERNETES_SERVICE_HOST");
    const char *home = getenv("HOME");
    *out = (struct zl_kube_config){0};
    if (path != NULL) {
        return zl_kubeconfig_load(&path, 1, false, context, out, err);
    }
    if (paths != NULL && paths[0] != '\0') {
        return zl_kube_config_from_files(paths, context, out, err);
    }
    if (host != NULL && host[0] != '\0' && access(SERVICE_ACCOUNT "/token", R_OK) == 0) {
        return zl_kube_config_in_cluster(SERVICE_ACCOUNT, host, getenv("KUBERNETES_SERVICE_PORT"),
                                         out, err);
    }
    ZL_AUTO_FREE char *own = zl_asprintf("%s/.kube/config", home ? home : "");
    if (home == NULL || access(own, F_OK) != 0) {
        return zl_error_set(err, ZL_E_NOT_FOUND,
                            "no API server is configured: KUBECONFIG is not set, this is not a pod "
                            "with a service account token (%s), and %s does not exist; "
                            "name a kubeconfig",
                            SERVICE_ACCOUNT, home ? own : "~/.kube/config");
    }
    const char *file = own;
    return zl_kubeconfig_load(&file, 1, false, context, out, err);
}
