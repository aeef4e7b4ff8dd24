/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/limits.h"
#include "common/base/parse.h"
#include "common/kube/config.h"
#include "common/kube/yaml.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#define PEM(kind) "-----BEGIN " kind "-----\nAAAA\n-----END " kind "-----\n"

static char directory[] = "/tmp/zl-config-XXXXXX";

static char *path_of(const char *name)
{
    return zl_asprintf("%s/%s", directory, name);
}

static void put(const char *name, const char *text)
{
    ZL_AUTO_FREE char *path = path_of(name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

/* A whole kubeconfig of one cluster, user and context from the inside of cluster and user. */
static char *kubeconfig(const char *cluster, const char *user)
{
    return zl_asprintf("apiVersion: v1\n"
                       "kind: Config\n"
                       "current-context: dev\n"
                       "contexts:\n"
                       "- name: dev\n"
                       "  context: {cluster: c1, user: u1, namespace: team-a}\n"
                       "clusters:\n"
                       "- name: c1\n"
                       "  cluster: {%s}\n"
                       "users:\n"
                       "- name: u1\n"
                       "  user: {%s}\n",
                       cluster, user);
}

static enum zl_status load(const char *name, struct zl_kube_config *out, struct zl_error *err)
{
    ZL_AUTO_FREE char *path = path_of(name);
    return zl_kube_config_load(path, NULL, out, err);
}

static void assert_fails_with(const char *name, const char *const words[])
{
    struct zl_kube_config config;
    struct zl_error err = {0};
    if (load(name, &config, &err) == ZL_OK) {
        fail_msg("%s was accepted, expected: %s", name, words[0]);
    }
    ZL_AUTO_FREE char *path = path_of(name);
    if (strstr(err.message, path) == NULL) {
        fail_msg("the file %s is not named in: %s", path, err.message);
    }
    for (size_t i = 0; words[i] != NULL; i++) {
        if (strstr(err.message, words[i]) == NULL) {
            fail_msg("\"%s\" is not in: %s", words[i], err.message);
        }
    }
    assert_null(strstr(err.message, "s3cret"));
    assert_null(config.server);
}

static void test_a_file_that_is_no_kubeconfig_is_refused_with_its_name(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *words[5]; /* ends with NULL */
    } ROWS[] = {
        {"", {"empty"}},
        {"# nothing but a comment\n", {"empty"}},
        {"{", {"not YAML"}},
        {"clusters:\n\t- name: x\n", {"line 2", "not YAML"}},
        {"just a sentence\n", {"not a mapping"}},
        {"- a\n- b\n", {"not a mapping"}},
        {"kind: Pod\n", {"kind", "Pod", "Config"}},
        {"kind: Config\nclusters: {}\n", {"clusters", "not a list"}},
        {"kind: Config\n", {"current-context", "not set"}},
        {"kind: Config\ncurrent-context: ''\n", {"current-context", "not set"}},
        {"current-context: dev\n", {"current-context", "\"dev\"", "contexts"}},
        {"current-context: dev\ncontexts:\n- name: dev\n", {"context \"dev\"", "cluster: not set"}},
        {"current-context: dev\ncontexts:\n- name: dev\n  context: {cluster: [1]}\n",
         {"context \"dev\"", "cluster: not a text"}},
        {"current-context: dev\ncontexts:\n- name: dev\n  context: {cluster: c, user: u}\n",
         {"context \"dev\"", "cluster: \"c\"", "clusters"}},
        {"current-context: dev\nclusters:\n- name: c\n  cluster: {server: 'https://a'}\n"
         "contexts:\n- name: dev\n  context: {cluster: c, user: u}\n",
         {"context \"dev\"", "user: \"u\"", "users"}},
        {"kind: Config\nkind: Config\n", {"line 2", "twice"}},
        {"a: &x [s3cret]\n", {"line 1", "anchors"}},
        {"a: *x\n", {"line 1", "aliases"}},
        {"kind: Config\n---\nkind: Config\n", {"line 2", "second document"}},
        {"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", {"nested too deeply"}},
        {"? [a]\n: b\n", {"key is not text"}},
        {"a: \"\\0s3cret\"\n", {"NUL"}},
        {"a: \xff\xfe\n", {"not YAML"}},
    };
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        put("broken", ROWS[i].text);
        assert_fails_with("broken", ROWS[i].words);
    }
}

#define HTTPS "server: 'https://a:6443'"

static void test_a_broken_field_is_refused_with_file_entry_and_field(void **state)
{
    (void)state;
    static const struct {
        const char *cluster;
        const char *user;
        const char *words[5]; /* ends with NULL */
    } ROWS[] = {
        {"", "", {"cluster \"c1\"", "server", "not set"}},
        {"server: {}", "", {"cluster \"c1\"", "server", "not a text"}},
        {"server: 'a:6443'", "", {"cluster \"c1\"", "server", "not a URL"}},
        {"server: 'ftp://a'", "", {"cluster \"c1\"", "server", "not a URL"}},
        {"server: 'https://'", "", {"cluster \"c1\"", "server", "not a URL"}},
        {"server: 'https://:6443'", "", {"cluster \"c1\"", "server", "not a URL"}},
        {"server: 'https://a:0'", "", {"cluster \"c1\"", "server", "not a URL"}},
        {"server: 'https://a:65536'", "", {"cluster \"c1\"", "server", "not a URL"}},
        {"server: 'https://a:b'", "", {"cluster \"c1\"", "server", "not a URL"}},
        {"server: 'https://u:s3cret@a'", "", {"cluster \"c1\"", "server", "not a URL"}},
        {"server: 'https://a?b=c'", "", {"cluster \"c1\"", "server", "not a URL"}},
        {"server: 'https://[fd00::1'", "", {"cluster \"c1\"", "server", "not a URL"}},
        {"server: 'https://[fd00::1]x'", "", {"cluster \"c1\"", "server", "not a URL"}},
        {HTTPS ", certificate-authority-data: '*s3cret*'",
         "",
         {"cluster \"c1\"", "certificate-authority-data", "base64"}},
        {HTTPS ", certificate-authority-data: 'czNjcmV0'",
         "",
         {"cluster \"c1\"", "certificate-authority-data", "no PEM"}},
        {HTTPS ", certificate-authority: 'missing.crt'",
         "",
         {"cluster \"c1\"", "certificate-authority", "missing.crt", "No such file"}},
        {HTTPS ", certificate-authority: 'ca.crt', insecure-skip-tls-verify: true",
         "",
         {"cluster \"c1\"", "insecure-skip-tls-verify", "certificate-authority"}},
        {HTTPS ", insecure-skip-tls-verify: maybe", "", {"insecure-skip-tls-verify", "true"}},
        {HTTPS ", tls-server-name: 'a/b'", "", {"cluster \"c1\"", "tls-server-name"}},
        {HTTPS, "client-certificate: ca.crt", {"user \"u1\"", "client-key: not set"}},
        {HTTPS, "client-key: tls.key", {"user \"u1\"", "client-certificate: not set"}},
        {HTTPS, "client-certificate: missing", {"user \"u1\"", "client-certificate", "missing"}},
        {HTTPS, "client-certificate: ca.crt, client-key-data: '!'", {"client-key-data", "base64"}},
        {HTTPS, "username: me", {"user \"u1\"", "password: not set"}},
        {HTTPS, "password: s3cret", {"user \"u1\"", "username: not set"}},
        {HTTPS, "username: me, password: s3cret, token: s3cret", {"user \"u1\"", "token"}},
        {HTTPS, "token: \"s3cret\\r\\nX-Evil: 1\"", {"user \"u1\"", "token", "byte"}},
        {HTTPS,
         "exec: {command: aws-login, args: [s3cret]}",
         {"user \"u1\"", "exec", "aws-login", "tokenFile"}},
        {HTTPS,
         "auth-provider: {name: oidc, config: {id-token: s3cret}}",
         {"user \"u1\"", "auth-provider", "oidc", "tokenFile"}},
        {HTTPS, "token: s3cret, as: admin", {"user \"u1\"", "as:", "impersonation"}},
    };
    put("ca.crt", PEM("CERTIFICATE"));
    put("tls.key", PEM("PRIVATE KEY"));
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        ZL_AUTO_FREE char *text = kubeconfig(ROWS[i].cluster, ROWS[i].user);
        put("broken", text);
        assert_fails_with("broken", ROWS[i].words);
    }
}

static void test_a_file_too_large_or_unreadable_is_refused(void **state)
{
    (void)state;
    char *huge = zl_alloc(ZL_FILE_MAX + 2);
    memset(huge, '#', ZL_FILE_MAX + 1);
    put("huge", huge);
    free(huge);
    assert_fails_with("huge", (const char *const[]){"large", NULL});
    assert_fails_with(".", (const char *const[]){"directory", NULL});
    assert_fails_with("absent", (const char *const[]){"No such file", NULL});
    char *many = zl_alloc(2 * ZL_YAML_NODES_MAX + 2);
    char *to = many;
    *to++ = '[';
    for (size_t i = 0; i < ZL_YAML_NODES_MAX; i++) {
        *to++ = 'a';
        *to++ = ',';
    }
    put("many", many);
    free(many);
    assert_fails_with("many", (const char *const[]){"too many values", NULL});
}

static void test_every_field_is_read(void **state)
{
    (void)state;
    struct zl_kube_config config;
    struct zl_error err = {0};
    ZL_AUTO_FREE char *ca = zl_base64_encode(PEM("CERTIFICATE"), strlen(PEM("CERTIFICATE")));
    put("tls.crt", PEM("CERTIFICATE"));
    put("tls.key", PEM("PRIVATE KEY"));
    ZL_AUTO_FREE char *cluster =
        zl_asprintf("server: 'https://[fd00::1]:6443//', certificate-authority-data: %s, "
                    "certificate-authority: /ignored, tls-server-name: kubernetes.default, "
                    "proxy-url: 'http://proxy:3128', insecure-skip-tls-verify: false, unknown: [1]",
                    ca);
    ZL_AUTO_FREE char *text =
        kubeconfig(cluster, "client-certificate: tls.crt, client-key: ./tls.key, token: 12345, "
                            "tokenFile: token, username: ~, exec: null");
    put("full", text);
    if (load("full", &config, &err) != ZL_OK) {
        fail_msg("%s", err.message);
    }
    ZL_AUTO_FREE char *token_file = path_of("token");
    ZL_AUTO_FREE char *path = path_of("full");
    assert_string_equal(config.server, "https://[fd00::1]:6443");
    assert_string_equal(config.namespace_, "team-a");
    assert_string_equal(config.ca_pem, PEM("CERTIFICATE"));
    assert_string_equal(config.client_cert_pem, PEM("CERTIFICATE"));
    assert_string_equal(config.client_key_pem, PEM("PRIVATE KEY"));
    assert_string_equal(config.token, "12345");
    assert_string_equal(config.token_file, token_file);
    assert_string_equal(config.proxy_url, "http://proxy:3128");
    assert_string_equal(config.tls_server_name, "kubernetes.default");
    assert_false(config.insecure);
    assert_null(config.username);
    assert_non_null(strstr(config.source, path));
    assert_non_null(strstr(config.source, "dev"));
    zl_kube_config_clear(&config);
}

static void test_json_is_a_kubeconfig_too(void **state)
{
    (void)state;
    struct zl_kube_config config;
    put("json",
        "{\"current-context\":\"d\",\"contexts\":[{\"name\":\"d\",\"context\":"
        "{\"cluster\":\"c\",\"user\":\"u\"}}],\"clusters\":[{\"name\":\"c\",\"cluster\":"
        "{\"server\":\"http://127.0.0.1:8080/\",\"insecure-skip-tls-verify\":true}}],"
        "\"users\":[{\"name\":\"u\",\"user\":{\"username\":\"me\",\"password\":\"x y\"}}]}");
    assert_int_equal(load("json", &config, NULL), ZL_OK);
    assert_string_equal(config.server, "http://127.0.0.1:8080");
    assert_string_equal(config.namespace_, "default");
    assert_true(config.insecure);
    assert_string_equal(config.username, "me");
    assert_string_equal(config.password, "x y");
    zl_kube_config_clear(&config);
}

static void test_of_several_files_the_first_definition_wins(void **state)
{
    (void)state;
    struct zl_kube_config config;
    struct zl_error err = {0};
    ZL_AUTO_FREE char *sub = path_of("sub");
    assert_int_equal(mkdir(sub, 0700), 0);
    put("first", "clusters:\n- name: c1\n  cluster: {server: 'https://first'}\n"
                 "contexts:\n- name: other\n  context: {cluster: c1, user: u1}\n");
    ZL_AUTO_FREE char *text = kubeconfig("server: 'https://second'", "tokenFile: token");
    put("sub/second", text);
    ZL_AUTO_FREE char *paths =
        zl_asprintf("%s/absent::%s/first:%s/second", directory, directory, sub);
    if (zl_kube_config_from_files(paths, NULL, &config, &err) != ZL_OK) {
        fail_msg("%s", err.message);
    }
    ZL_AUTO_FREE char *token_file = path_of("sub/token");
    assert_string_equal(config.server, "https://first");
    assert_string_equal(config.namespace_, "team-a");
    assert_string_equal(config.token_file, token_file); /* relative to the file that names it */
    zl_kube_config_clear(&config);

    assert_int_equal(zl_kube_config_from_files(paths, "other", &config, &err), ZL_OK);
    assert_string_equal(config.namespace_, "default");
    zl_kube_config_clear(&config);

    assert_int_equal(zl_kube_config_from_files(paths, "third", &config, &err), ZL_E_NOT_FOUND);
    assert_non_null(strstr(err.message, "\"third\""));
    assert_int_equal(zl_kube_config_from_files("/absent/a:/absent/b", NULL, &config, &err),
                     ZL_E_NOT_FOUND);
    assert_non_null(strstr(err.message, "/absent/a"));
}

static void test_in_cluster_reads_the_service_account(void **state)
{
    (void)state;
    struct zl_kube_config config;
    struct zl_error err = {0};
    put("token", "s3cret\n");
    put("ca.crt", PEM("CERTIFICATE"));
    put("namespace", "zen-system\n");
    assert_int_equal(zl_kube_config_in_cluster(directory, "fd00::1", "443", &config, &err), ZL_OK);
    ZL_AUTO_FREE char *token_file = path_of("token");
    assert_string_equal(config.server, "https://[fd00::1]:443");
    assert_string_equal(config.namespace_, "zen-system");
    assert_string_equal(config.token_file, token_file);
    assert_null(config.token);
    assert_string_equal(config.source, "in-cluster");
    zl_kube_config_clear(&config);

    ZL_AUTO_FREE char *namespace_ = path_of("namespace");
    assert_int_equal(unlink(namespace_), 0);
    assert_int_equal(zl_kube_config_in_cluster(directory, "10.0.0.1", "6443", &config, &err),
                     ZL_OK);
    assert_string_equal(config.server, "https://10.0.0.1:6443");
    assert_string_equal(config.namespace_, "default");
    zl_kube_config_clear(&config);
}

static void test_in_cluster_refuses_what_is_missing(void **state)
{
    (void)state;
    static const struct {
        const char *host, *port, *token, *ca;
        const char *word;
    } ROWS[] = {
        {NULL, "443", "t", PEM("CERTIFICATE"), "KUBERNETES_SERVICE_HOST"},
        {"", "443", "t", PEM("CERTIFICATE"), "KUBERNETES_SERVICE_HOST"},
        {"h", NULL, "t", PEM("CERTIFICATE"), "KUBERNETES_SERVICE_PORT"},
        {"h", "tcp://1", "t", PEM("CERTIFICATE"), "KUBERNETES_SERVICE_PORT"},
        {"h", "443", " \n", PEM("CERTIFICATE"), "/token is empty"},
        {"h", "443", NULL, PEM("CERTIFICATE"), "/token"},
        {"h", "443", "t", "", "/ca.crt is empty"},
        {"h", "443", "t", "garbage", "/ca.crt: no PEM"},
        {"h", "443", "t", NULL, "/ca.crt"},
    };
    ZL_AUTO_FREE char *token = path_of("token");
    ZL_AUTO_FREE char *ca = path_of("ca.crt");
    for (size_t i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++) {
        struct zl_kube_config config;
        struct zl_error err = {0};
        (void)unlink(token);
        (void)unlink(ca);
        if (ROWS[i].token != NULL) {
            put("token", ROWS[i].token);
        }
        if (ROWS[i].ca != NULL) {
            put("ca.crt", ROWS[i].ca);
        }
        assert_int_not_equal(
            zl_kube_config_in_cluster(directory, ROWS[i].host, ROWS[i].port, &config, &err), ZL_OK);
        if (strstr(err.message, ROWS[i].word) == NULL) {
            fail_msg("\"%s\" is not in: %s", ROWS[i].word, err.message);
        }
    }
}

static void test_load_asks_kubeconfig_then_home(void **state)
{
    (void)state;
    struct zl_kube_config config;
    struct zl_error err = {0};
    ZL_AUTO_FREE char *dot_kube = path_of(".kube");
    ZL_AUTO_FREE char *named = path_of("named");
    assert_int_equal(mkdir(dot_kube, 0700), 0);
    assert_int_equal(setenv("HOME", directory, 1), 0);
    assert_int_equal(unsetenv("KUBECONFIG"), 0);
    assert_int_equal(unsetenv("KUBERNETES_SERVICE_HOST"), 0);
    assert_int_equal(zl_kube_config_load(NULL, NULL, &config, &err), ZL_E_NOT_FOUND);
    assert_non_null(strstr(err.message, "KUBECONFIG"));

    ZL_AUTO_FREE char *at_home = kubeconfig("server: 'https://home'", "");
    ZL_AUTO_FREE char *at_name = kubeconfig("server: 'https://named'", "");
    put(".kube/config", at_home);
    put("named", at_name);
    assert_int_equal(zl_kube_config_load(NULL, NULL, &config, &err), ZL_OK);
    assert_string_equal(config.server, "https://home");
    zl_kube_config_clear(&config);
    assert_int_equal(setenv("KUBECONFIG", named, 1), 0);
    assert_int_equal(zl_kube_config_load(NULL, NULL, &config, &err), ZL_OK);
    assert_string_equal(config.server, "https://named");
    zl_kube_config_clear(&config);
    assert_int_equal(unsetenv("KUBECONFIG"), 0);
}

static void remove_all(const char *path)
{
    DIR *open = opendir(path);
    if (open == NULL) {
        (void)unlink(path);
        return;
    }
    for (struct dirent *each = readdir(open); each != NULL; each = readdir(open)) {
        if (strcmp(each->d_name, ".") != 0 && strcmp(each->d_name, "..") != 0) {
            ZL_AUTO_FREE char *inner = zl_asprintf("%s/%s", path, each->d_name);
            remove_all(inner);
        }
    }
    closedir(open);
    (void)rmdir(path);
}

static int make_directory(void **state)
{
    (void)state;
    return mkdtemp(directory) == NULL;
}

static int remove_directory(void **state)
{
    (void)state;
    remove_all(directory);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_file_that_is_no_kubeconfig_is_refused_with_its_name),
        cmocka_unit_test(test_a_broken_field_is_refused_with_file_entry_and_field),
        cmocka_unit_test(test_a_file_too_large_or_unreadable_is_refused),
        cmocka_unit_test(test_every_field_is_read),
        cmocka_unit_test(test_json_is_a_kubeconfig_too),
        cmocka_unit_test(test_of_several_files_the_first_definition_wins),
        cmocka_unit_test(test_in_cluster_reads_the_service_account),
        cmocka_unit_test(test_in_cluster_refuses_what_is_missing),
        cmocka_unit_test(test_load_asks_kubeconfig_then_home),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
