/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What kubeconfig files say. Each message names the file, the entry and the field, and never a
 * field's value that may be secret.
 */
#include "common/base/json.h"
#include "common/base/parse.h"
#include "common/kube/config_internal.h"
#include "common/kube/yaml.h"

#include <ctype.h>
#include <stdarg.h>

struct file {
    const char *path;
    struct cJSON *tree;
};

struct files {
    struct file *items;
    size_t count;
};

static void files_clear(struct files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        zl_json_free(files->items[i].tree);
    }
    free(files->items);
}

/* One named cluster, user or context. */
struct entry {
    const char *kind; /* "cluster" */
    const char *name;
    const char *path; /* its file */
    const struct cJSON *body;
};

static enum zl_status entry_error(const struct entry *entry, enum zl_status status,
                                  const char *field, struct zl_error *err, const char *format, ...)
    ZL_PRINTF(5, 6);

static enum zl_status entry_error(const struct entry *entry, enum zl_status status,
                                  const char *field, struct zl_error *err, const char *format, ...)
{
    char why[320];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    return zl_error_set(err, status, "kubeconfig %s: %s \"%s\": %s: %s", entry->path, entry->kind,
                        entry->name, field, why);
}

/* ---- reading files --------------------------------------------------------------------------- */

static enum zl_status check_shape(const char *path, const struct cJSON *tree, struct zl_error *err)
{
    static const char *const LISTS[] = {"clusters", "users", "contexts"};
    const char *kind = zl_json_text(tree, "kind", NULL);
    if (zl_json_is_null(tree)) {
        return zl_error_set(err, ZL_E_INVALID, "kubeconfig %s: the file is empty", path);
    }
    if (!zl_json_is_object(tree)) {
        return zl_error_set(err, ZL_E_INVALID, "kubeconfig %s: not a mapping of fields", path);
    }
    if (kind != NULL && strcmp(kind, "Config") != 0) {
        return zl_error_set(err, ZL_E_INVALID, "kubeconfig %s: kind: \"%s\", not \"Config\"", path,
                            kind);
    }
    for (size_t i = 0; i < sizeof LISTS / sizeof LISTS[0]; i++) {
        const struct cJSON *list = zl_json_at(tree, LISTS[i], NULL);
        if (list != NULL && !zl_json_is_null(list) && !zl_json_is_array(list)) {
            return zl_error_set(err, ZL_E_INVALID, "kubeconfig %s: %s: not a list", path, LISTS[i]);
        }
    }
    return ZL_OK;
}

static enum zl_status read_file(const char *path, struct cJSON **tree, struct zl_error *err)
{
    ZL_AUTO_FREE char *text = NULL;
    size_t length = 0;
    enum zl_status status = zl_file_read(path, &text, &length, err);
    if (status != ZL_OK) {
        return zl_error_wrap(err, status, "kubeconfig");
    }
    status = zl_yaml_parse(text, length, tree, err);
    if (status != ZL_OK) {
        return zl_error_wrap(err, status, "kubeconfig %s", path);
    }
    return check_shape(path, *tree, err);
}

static enum zl_status read_files(const char *const *paths, size_t count, bool may_miss,
                                 struct files *files, struct zl_error *err)
{
    files->items = zl_alloc((count + 1) * sizeof *files->items);
    for (size_t i = 0; i < count; i++) {
        struct file *file = &files->items[files->count];
        enum zl_status status = read_file(paths[i], &file->tree, err);
        if (status == ZL_E_NOT_FOUND && may_miss) {
            continue;
        }
        file->path = paths[i];
        files->count++; /* also with a failure: the tree is freed with the rest */
        if (status != ZL_OK) {
            return status;
        }
    }
    if (files->count == 0) {
        return zl_error_set(err, ZL_E_NOT_FOUND, "kubeconfig: none of the %zu files exists: %s%s",
                            count, count > 0 ? paths[0] : "", count > 1 ? ", ..." : "");
    }
    return ZL_OK;
}

/* ---- finding entries ------------------------------------------------------------------------- */

/* The first definition of a name wins. */
static bool find_entry(const struct files *files, const char *list, const char *kind,
                       const char *name, struct entry *out)
{
    for (size_t i = 0; i < files->count; i++) {
        const struct cJSON *each = zl_json_first(zl_json_at(files->items[i].tree, list, NULL));
        for (; each != NULL; each = zl_json_next(each)) {
            if (zl_same_string(zl_json_text(each, "name", NULL), name)) {
                *out = (struct entry){
                    .kind = kind,
                    .name = name,
                    .path = files->items[i].path,
                    .body = zl_json_at(each, kind, NULL),
                };
                return true;
            }
        }
    }
    return false;
}

static enum zl_status choose_context(const struct files *files, const char *wanted,
                                     struct entry *out, struct zl_error *err)
{
    const char *path = files->items[0].path;
    const char *name = wanted;
    for (size_t i = 0; i < files->count && (name == NULL || name[0] == '\0'); i++) {
        name = zl_json_text(files->items[i].tree, "current-context", NULL);
        path = files->items[i].path;
    }
    if (name == NULL || name[0] == '\0') {
        return zl_error_set(err, ZL_E_INVALID,
                            "kubeconfig %s: current-context: not set, and no context was named",
                            files->items[0].path);
    }
    if (!find_entry(files, "contexts", "context", name, out)) {
        return zl_error_set(err, ZL_E_NOT_FOUND,
                            "kubeconfig %s: %s: context \"%s\" is not in contexts", path,
                            wanted != NULL ? "the context named" : "current-context", name);
    }
    return ZL_OK;
}

/* The optional text FIELD of ENTRY; NULL when absent, null or empty. */
static enum zl_status read_text(const struct entry *entry, const char *field, const char **out,
                                struct zl_error *err)
{
    const struct cJSON *node = zl_json_at(entry->body, field, NULL);
    *out = NULL;
    if (node == NULL || zl_json_is_null(node)) {
        return ZL_OK;
    }
    if (!zl_json_is_text(node)) {
        return entry_error(entry, ZL_E_INVALID, field, err, "not a text");
    }
    const char *text = zl_json_value_text(node);
    *out = text[0] != '\0' ? text : NULL;
    return ZL_OK;
}

/* The entry that FIELD of CONTEXT refers to. */
static enum zl_status follow(const struct files *files, const struct entry *context,
                             const char *field, const char *list, struct entry *out,
                             struct zl_error *err)
{
    const char *name = NULL;
    enum zl_status status = read_text(context, field, &name, err);
    if (status != ZL_OK) {
        return status;
    }
    if (name == NULL) {
        return entry_error(context, ZL_E_INVALID, field, err, "not set");
    }
    if (!find_entry(files, list, field, name, out)) {
        return entry_error(context, ZL_E_NOT_FOUND, field, err, "\"%s\" is not in %s", name, list);
    }
    return ZL_OK;
}

/* ---- fields ---------------------------------------------------------------------------------- */

/* Files are relative to the kubeconfig that names them. */
static char *absolute(const struct entry *entry, const char *path)
{
    const char *slash = strrchr(entry->path, '/'); /* NOLINT: a found entry has its path */
    if (path[0] == '/' || slash == NULL) {
        return zl_strdup(path);
    }
    return zl_asprintf("%.*s/%s", (int)(slash - entry->path), entry->path, path);
}

static enum zl_status decode_data(const struct entry *entry, const char *field, const char *data,
                                  char **out, struct zl_error *err)
{
    size_t length = 0;
    if (zl_base64_decode(data, out, &length, NULL) != ZL_OK) {
        return entry_error(entry, ZL_E_INVALID, field, err, "not base64");
    }
    return ZL_OK;
}

/* PEM text of FIELD-data (base64), else of the file named in FIELD; NULL when there is neither. */
static enum zl_status read_pem(const struct entry *entry, const char *field, char **out,
                               struct zl_error *err)
{
    ZL_AUTO_FREE char *data_field = zl_asprintf("%s-data", field);
    const char *data = NULL;
    const char *path = NULL;
    enum zl_status status = read_text(entry, data_field, &data, err);
    if (status == ZL_OK) {
        status = read_text(entry, field, &path, err);
    }
    if (status != ZL_OK || (data == NULL && path == NULL)) {
        return status;
    }
    const char *used = data != NULL ? data_field : field;
    if (data != NULL) {
        status = decode_data(entry, used, data, out, err);
    } else {
        ZL_AUTO_FREE char *full = absolute(entry, path);
        struct zl_error cause = {0};
        status = zl_file_read(full, out, NULL, &cause);
        if (status != ZL_OK) {
            return entry_error(entry, ZL_E_INVALID, used, err, "%s", cause.message);
        }
    }
    if (status == ZL_OK && strstr(*out, "-----BEGIN ") == NULL) {
        return entry_error(entry, ZL_E_INVALID, used, err, "no PEM block in it");
    }
    return status;
}

static bool is_port(const char *text)
{
    int64_t port = 0;
    return zl_parse_i64(text, 1, 65535, &port, NULL) == ZL_OK;
}

/* "https://host[:port][/path]": what else a URL can carry has no meaning for an API server. */
static bool is_server_url(const char *text)
{
    const char *host = strncmp(text, "https://", 8) == 0  ? text + 8
                       : strncmp(text, "http://", 7) == 0 ? text + 7
                                                          : NULL;
    if (host == NULL || strpbrk(host, "@?#\\ \t\r\n\"<>") != NULL) {
        return false;
    }
    size_t length = strcspn(host, "/");
    ZL_AUTO_FREE char *authority = zl_strndup(host, length);
    char *end = authority[0] == '[' ? strchr(authority, ']') : NULL;
    if (authority[0] == '[' && (end == NULL || end == authority + 1)) {
        return false;
    }
    char *colon = strchr(end != NULL ? end : authority, ':');
    bool nothing_between = end == NULL || end[1] == '\0' || end + 1 == colon;
    return length > 0 && colon != authority && nothing_between &&
           (colon == NULL || is_port(colon + 1));
}

static enum zl_status read_server(const struct entry *cluster, struct zl_kube_config *out,
                                  struct zl_error *err)
{
    const char *server = NULL;
    enum zl_status status = read_text(cluster, "server", &server, err);
    if (status != ZL_OK) {
        return status;
    }
    if (server == NULL) {
        return entry_error(cluster, ZL_E_INVALID, "server", err, "not set");
    }
    if (!is_server_url(server)) {
        return entry_error(cluster, ZL_E_INVALID, "server", err,
                           "not a URL like https://host:6443");
    }
    size_t length = strlen(server);
    while (server[length - 1] == '/') {
        length--;
    }
    out->server = zl_strndup(server, length);
    return ZL_OK;
}

static enum zl_status read_cluster(const struct entry *cluster, struct zl_kube_config *out,
                                   struct zl_error *err)
{
    static const char INSECURE[] = "insecure-skip-tls-verify";
    const char *insecure = NULL;
    const char *name = NULL;
    const char *proxy = NULL;
    enum zl_status status = read_server(cluster, out, err);
    if (status == ZL_OK) {
        status = read_pem(cluster, "certificate-authority", &out->ca_pem, err);
    }
    if (status == ZL_OK) {
        status = read_text(cluster, INSECURE, &insecure, err);
    }
    if (status == ZL_OK) {
        status = read_text(cluster, "tls-server-name", &name, err);
    }
    if (status == ZL_OK) {
        status = read_text(cluster, "proxy-url", &proxy, err);
    }
    if (status != ZL_OK) {
        return status;
    }
    if (name != NULL && strpbrk(name, "/@?#[]%\\ \t\r\n\"") != NULL) {
        return entry_error(cluster, ZL_E_INVALID, "tls-server-name", err, "not a host name");
    }
    out->tls_server_name = zl_strdup(name);
    out->proxy_url = zl_strdup(proxy);
    if (insecure != NULL && zl_parse_bool(insecure, &out->insecure, NULL) != ZL_OK) {
        return entry_error(cluster, ZL_E_INVALID, INSECURE, err, "neither true nor false");
    }
    if (out->insecure && out->ca_pem != NULL) {
        return entry_error(cluster, ZL_E_INVALID, INSECURE, err,
                           "true, but certificate-authority asks for verification; remove one");
    }
    return ZL_OK;
}

/* ---- users ----------------------------------------------------------------------------------- */

/* Ways to be someone that we do not have; to pass them over would make us someone else. */
static enum zl_status refuse_mechanisms(const struct entry *user, struct zl_error *err)
{
    static const char CURE[] = "use a token, tokenFile or client certificate, "
                               "for example of a service account";
    static const char *const IMPERSONATION[] = {"as", "as-uid", "as-groups", "as-user-extra"};
    if (zl_json_is_object(zl_json_at(user->body, "exec", NULL))) {
        const char *command = zl_json_text(user->body, "exec", "command", NULL);
        return entry_error(user, ZL_E_INVALID, "exec", err,
                           "credential plugins (here \"%s\") are not run; %s",
                           command ? command : "", CURE);
    }
    if (zl_json_is_object(zl_json_at(user->body, "auth-provider", NULL))) {
        const char *name = zl_json_text(user->body, "auth-provider", "name", NULL);
        return entry_error(user, ZL_E_INVALID, "auth-provider", err,
                           "auth providers (here \"%s\") are not supported; %s", name ? name : "",
                           CURE);
    }
    for (size_t i = 0; i < sizeof IMPERSONATION / sizeof IMPERSONATION[0]; i++) {
        const struct cJSON *node = zl_json_at(user->body, IMPERSONATION[i], NULL);
        if (node != NULL && !zl_json_is_null(node)) {
            return entry_error(user, ZL_E_INVALID, IMPERSONATION[i], err,
                               "impersonation is not supported; %s", CURE);
        }
    }
    return ZL_OK;
}

/* A token ends up in a header line: a line break in it would be another header. */
static bool is_header_safe(const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text <= ' ' || *text > '~') {
            return false;
        }
    }
    return true;
}

static enum zl_status read_secrets(const struct entry *user, struct zl_kube_config *out,
                                   struct zl_error *err)
{
    const char *token = NULL;
    const char *token_file = NULL;
    const char *username = NULL;
    const char *password = NULL;
    enum zl_status status = read_text(user, "token", &token, err);
    if (status == ZL_OK) {
        status = read_text(user, "tokenFile", &token_file, err);
    }
    if (status == ZL_OK) {
        status = read_text(user, "username", &username, err);
    }
    if (status == ZL_OK) {
        status = read_text(user, "password", &password, err);
    }
    if (status != ZL_OK) {
        return status;
    }
    if (token != NULL && !is_header_safe(token)) {
        return entry_error(user, ZL_E_INVALID, "token", err, "has a byte that no token has");
    }
    if ((username == NULL) != (password == NULL)) {
        return entry_error(user, ZL_E_INVALID, username ? "password" : "username", err, "not set");
    }
    if (username != NULL && (token != NULL || token_file != NULL)) {
        return entry_error(user, ZL_E_INVALID, "username", err, "there is a token too; remove one");
    }
    out->token = zl_strdup(token);
    out->token_file = token_file ? absolute(user, token_file) : NULL;
    out->username = zl_strdup(username);
    out->password = zl_strdup(password);
    return ZL_OK;
}

static enum zl_status read_user(const struct entry *user, struct zl_kube_config *out,
                                struct zl_error *err)
{
    enum zl_status status = refuse_mechanisms(user, err);
    if (status == ZL_OK) {
        status = read_pem(user, "client-certificate", &out->client_cert_pem, err);
    }
    if (status == ZL_OK) {
        status = read_pem(user, "client-key", &out->client_key_pem, err);
    }
    if (status != ZL_OK) {
        return status;
    }
    if (out->client_cert_pem != NULL && out->client_key_pem == NULL) {
        return entry_error(user, ZL_E_INVALID, "client-key", err,
                           "not set, but client-certificate is");
    }
    if (out->client_cert_pem == NULL && out->client_key_pem != NULL) {
        return entry_error(user, ZL_E_INVALID, "client-certificate", err,
                           "not set, but client-key is");
    }
    return read_secrets(user, out, err);
}

/* ---- all of it ------------------------------------------------------------------------------- */

static enum zl_status resolve(const struct files *files, const char *wanted,
                              struct zl_kube_config *out, struct zl_error *err)
{
    struct entry context = {0};
    struct entry cluster = {0};
    struct entry user = {0};
    const char *namespace_ = NULL;
    enum zl_status status = choose_context(files, wanted, &context, err);
    if (status == ZL_OK) {
        status = read_text(&context, "namespace", &namespace_, err);
    }
    if (status == ZL_OK) {
        status = follow(files, &context, "cluster", "clusters", &cluster, err);
    }
    if (status == ZL_OK) {
        status = follow(files, &context, "user", "users", &user, err);
    }
    if (status == ZL_OK) {
        status = read_cluster(&cluster, out, err);
    }
    if (status == ZL_OK) {
        status = read_user(&user, out, err);
    }
    if (status != ZL_OK) {
        return status;
    }
    out->namespace_ = zl_strdup(namespace_ != NULL ? namespace_ : "default");
    out->source = zl_asprintf("%s (context %s)", context.path, context.name);
    return ZL_OK;
}

enum zl_status zl_kubeconfig_load(const char *const *paths, size_t count, bool may_miss,
                                  const char *context, struct zl_kube_config *out,
                                  struct zl_error *err)
{
    ZL_CLEANUP(files_clear) struct files files = {0};
    *out = (struct zl_kube_config){0};
    enum zl_status status = read_files(paths, count, may_miss, &files, err);
    if (status == ZL_OK) {
        status = resolve(&files, context, out, err);
    }
    if (status != ZL_OK) {
        zl_kube_config_clear(out);
    }
    return status;
}
