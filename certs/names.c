/* SPDX-License-Identifier: Apache-2.0 */
#include "certs/names.h"

#include <arpa/inet.h>

static bool is_lower_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* RFC 1123: labels of 1 to 63 characters that neither begin nor end with '-', 253 in all. */
static bool is_dns_name(const char *text)
{
    size_t label = 0;
    size_t length = strlen(text);
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '.') {
            if (label == 0 || text[i - 1] == '-') {
                return false;
            }
            label = 0;
            continue;
        }
        if (!is_lower_alnum(text[i]) && (text[i] != '-' || label == 0)) {
            return false;
        }
        if (++label > 63) {
            return false;
        }
    }
    return label > 0 && length <= 253 && text[length - 1] != '-';
}

static bool is_ip(const char *text)
{
    unsigned char address[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

/* Takes NAME in every case. */
static enum zl_status add(char **names, size_t *count, char *taken_name, struct zl_error *err)
{
    ZL_AUTO_FREE char *name = taken_name;
    for (size_t i = 0; i < *count; i++) {
        if (strcmp(names[i], name) == 0) {
            return ZL_OK;
        }
    }
    if (*count == ZL_NAMES_MAX) {
        return zl_error_set(err, ZL_E_TOO_LARGE, "more than %d names: leave some out",
                            ZL_NAMES_MAX);
    }
    names[(*count)++] = ZL_STEAL(&name);
    return ZL_OK;
}

static enum zl_status add_dns(struct zl_names *names, char *taken_name, struct zl_error *err)
{
    if (!is_dns_name(taken_name)) {
        enum zl_status status = zl_error_set(
            err, ZL_E_INVALID,
            "\"%.64s\" is not a DNS name: use lower-case letters, digits, '-' and '.'", taken_name);
        free(taken_name);
        return status;
    }
    return add(names->dns, &names->dns_count, taken_name, err);
}

static enum zl_status add_ip(struct zl_names *names, char *taken_name, struct zl_error *err)
{
    if (!is_ip(taken_name)) {
        enum zl_status status = zl_error_set(
            err, ZL_E_INVALID, "\"%.64s\" is not an IP address: names belong into --dns-name",
            taken_name);
        free(taken_name);
        return status;
    }
    return add(names->ip, &names->ip_count, taken_name, err);
}

static enum zl_status add_list(struct zl_names *names, const char *list,
                               enum zl_status (*add_one)(struct zl_names *names, char *taken_name,
                                                         struct zl_error *err),
                               struct zl_error *err)
{
    while (list != NULL) {
        const char *comma = strchr(list, ',');
        size_t length = comma != NULL ? (size_t)(comma - list) : strlen(list);
        enum zl_status status = add_one(names, zl_strndup(list, length), err);
        if (status != ZL_OK) {
            return status;
        }
        list = comma != NULL ? comma + 1 : NULL;
    }
    return ZL_OK;
}

static enum zl_status add_service(struct zl_names *names, const char *service,
                                  const char *namespace_, struct zl_error *err)
{
    static const char *const suffixes[] = {".svc", ".svc.cluster.local", ""};
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        char *name = zl_asprintf("%s.%s%s", service, namespace_, suffixes[i]);
        enum zl_status status = add_dns(names, name, err);
        if (status != ZL_OK) {
            return status;
        }
    }
    return add_dns(names, zl_strdup(service), err);
}

enum zl_status zl_names_collect(const char *service, const char *namespace_, const char *dns_list,
                                const char *ip_list, struct zl_names *out, struct zl_error *err)
{
    *out = (struct zl_names){0};
    enum zl_status status = ZL_OK;
    if (service != NULL) {
        status = add_service(out, service, namespace_, err);
    }
    if (status == ZL_OK) {
        status = add_list(out, dns_list, add_dns, err);
    }
    if (status == ZL_OK) {
        status = add_list(out, ip_list, add_ip, err);
    }
    if (status == ZL_OK && out->dns_count + out->ip_count == 0) {
        return zl_error_set(err, ZL_E_INVALID,
                            "a certificate needs a name: give --service, --dns-name or --ip");
    }
    return status;
}

void zl_names_clear(struct zl_names *names)
{
    for (size_t i = 0; i < names->dns_count; i++) {
        free(names->dns[i]);
    }
    for (size_t i = 0; i < names->ip_count; i++) {
        free(names->ip[i]);
    }
    *names = (struct zl_names){0};
}
