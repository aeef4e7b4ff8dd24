/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zen-lead-certs - CA and serving certificate of the webhook, where cert-manager is absent.
 */
#include "certs/ca_bundle.h"
#include "certs/material.h"
#include "certs/store_files.h"
#include "certs/store_secret.h"
#include "common/base/clock.h"
#include "common/base/log.h"
#include "common/base/options.h"
#include "common/base/process.h"

#include <stddef.h>

#define DAY_S (24 * 60 * 60)
/* Someone else wrote first; each loser reads what the winner made and mostly has nothing to do. */
#define ATTEMPTS 5
/* API servers learn of a new caBundle by their watches, in milliseconds; the certificate comes this much later. */
#define TRUST_SPREADS_MS 5000
/* After a failed look of --every-seconds. */
#define RETRY_S 5

struct config {
    const char *service;
    const char *namespace_;
    const char *dns_names;
    const char *ips;
    const char *out_dir;
    const char *secret;
    const char *webhook_configuration;
    const char *kubeconfig;
    int64_t validity_days;
    int64_t ca_validity_days;
    int64_t renew_before_days;
    int64_t every_s;
    bool force;
};

#define FIELD(name) offsetof(struct config, name)

static const struct zl_option OPTIONS[] = {
    {.name = "service",
     .type = ZL_OPTION_TEXT,
     .offset = FIELD(service),
     .value_name = "NAME",
     .help = "Make the certificate for this Service: NAME, NAME.NAMESPACE, NAME.NAMESPACE.svc and "
             "NAME.NAMESPACE.svc.cluster.local."},
    {.name = "namespace",
     .variable = "POD_NAMESPACE",
     .type = ZL_OPTION_TEXT,
     .offset = FIELD(namespace_),
     .value_name = "NAMESPACE",
     .help = "Namespace of the Service and of the Secret."},
    {.name = "dns-name",
     .type = ZL_OPTION_TEXT,
     .offset = FIELD(dns_names),
     .value_name = "NAME,...",
     .help = "Further DNS names, separated by commas."},
    {.name = "ip",
     .type = ZL_OPTION_TEXT,
     .offset = FIELD(ips),
     .value_name = "ADDRESS,...",
     .help = "IPv4 and IPv6 addresses, separated by commas."},
    {.name = "out-dir",
     .type = ZL_OPTION_TEXT,
     .offset = FIELD(out_dir),
     .value_name = "DIRECTORY",
     .help = "Keep ca.crt, ca.key, tls.crt and tls.key here. Either this or --secret."},
    {.name = "secret",
     .type = ZL_OPTION_TEXT,
     .offset = FIELD(secret),
     .value_name = "NAME",
     .help = "Keep them in this Secret of type kubernetes.io/tls."},
    {.name = "webhook-configuration",
     .type = ZL_OPTION_TEXT,
     .offset = FIELD(webhook_configuration),
     .value_name = "NAME",
     .help = "Write the CA into caBundle of every webhook of this ValidatingWebhookConfiguration, "
             "and nothing else of it."},
    {.name = "validity-days",
     .type = ZL_OPTION_I64,
     .default_value = "365",
     .min = 1,
     .max = 3650,
     .offset = FIELD(validity_days),
     .value_name = "DAYS",
     .help = "How long a new serving certificate is valid."},
    {.name = "ca-validity-days",
     .type = ZL_OPTION_I64,
     .default_value = "3650",
     .min = 1,
     .max = 36500,
     .offset = FIELD(ca_validity_days),
     .value_name = "DAYS",
     .help = "How long a new CA is valid."},
    {.name = "renew-before-days",
     .type = ZL_OPTION_I64,
     .default_value = "30",
     .min = 0,
     .max = 3649,
     .offset = FIELD(renew_before_days),
     .value_name = "DAYS",
     .help = "Renew what has no more than this left. Less than --validity-days."},
    {.name = "every-seconds",
     .type = ZL_OPTION_I64,
     .default_value = "0",
     .min = 0,
     .max = DAY_S,
     .offset = FIELD(every_s),
     .value_name = "SECONDS",
     .help = "Go on until SIGTERM and look this often; a failure is logged and tried again. 0: "
             "look once."},
    {.name = "force",
     .type = ZL_OPTION_BOOL,
     .offset = FIELD(force),
     .help = "Renew the serving certificate although it is good. The CA stays as long as it is."},
    {.name = "kubeconfig",
     .type = ZL_OPTION_TEXT,
     .offset = FIELD(kubeconfig),
     .value_name = "FILE",
     .help =
         "How to reach the API server. Without it: $KUBECONFIG, then the pod's service account, "
         "then ~/.kube/config."},
    {.name = NULL},
};

static const struct zl_program PROGRAM = {
    .name = "zen-lead-certs",
    .summary =
        "Makes and renews the CA and the serving certificate of zen-lead-webhook "
        "(ECDSA P-256) where cert-manager is absent. Run it as often as you like: what is "
        "good is kept, what is missing, broken, of other names or near its end is replaced. A "
        "new CA is trusted beside the one before, which may still be in use.",
    .options = OPTIONS,
    .epilogue = "Exit codes: 0 kept or renewed, 1 failed, 2 wrong usage.\n"
                "\n"
                "Examples:\n"
                "  zen-lead-certs --service zen-lead-webhook --namespace zen-lead-system \\\n"
                "      --secret zen-lead-webhook-tls --webhook-configuration zen-lead\n"
                "  zen-lead-certs --ip 127.0.0.1 --out-dir /tmp/tls\n",
};

/* What the table cannot say: which options go together. */
static enum zl_status check_config(const struct config *config, struct zl_error *err)
{
    if ((config->out_dir == NULL) == (config->secret == NULL)) {
        return zl_error_set(err, ZL_E_INVALID, "give either --out-dir or --secret");
    }
    if ((config->service != NULL || config->secret != NULL) && config->namespace_ == NULL) {
        return zl_error_set(err, ZL_E_INVALID,
                            "--service and --secret need --namespace (or POD_NAMESPACE)");
    }
    if (config->renew_before_days >= config->validity_days) {
        return zl_error_set(err, ZL_E_INVALID,
                            "--renew-before-days must be less than --validity-days, or every run "
                            "would renew");
    }
    if (config->force && config->every_s > 0) {
        return zl_error_set(err, ZL_E_INVALID,
                            "--force would renew at every look: not with --every-seconds");
    }
    if (config->validity_days > config->ca_validity_days) {
        return zl_error_set(err, ZL_E_INVALID,
                            "--validity-days must not be more than --ca-validity-days");
    }
    return ZL_OK;
}

struct job {
    const struct config *config;
    struct zl_kube_client *client; /* NULL when only files are written */
    struct zl_secret secret;
    struct zl_names names;
    bool has_said_kept;
};

static enum zl_status load(struct job *job, struct zl_material *out, struct zl_error *err)
{
    return job->config->secret != NULL ? zl_secret_load(&job->secret, out, err)
                                       : zl_files_load(job->config->out_dir, out, err);
}

static enum zl_status save(struct job *job, const struct zl_material *material,
                           struct zl_error *err)
{
    return job->config->secret != NULL ? zl_secret_save(&job->secret, material, err)
                                       : zl_files_save(job->config->out_dir, material, err);
}

static enum zl_status renew(const struct job *job, const struct zl_material *old,
                            struct zl_material *out, struct zl_renewed *what, struct zl_error *err)
{
    const struct zl_renewal renewal = {
        .names = &job->names,
        .now_s = zl_clock_wall_us() / 1000000,
        .validity_s = job->config->validity_days * DAY_S,
        .ca_validity_s = job->config->ca_validity_days * DAY_S,
        .renew_before_s = job->config->renew_before_days * DAY_S,
        .force = job->config->force,
    };
    return zl_material_renew(old, &renewal, out, what, err);
}

/* When another CA takes over from one that is in use: not before every API server trusts it. */
static void let_trust_spread(const struct zl_material *old, const struct zl_bundled *bundled)
{
    if (bundled->changed && (old->pem[ZL_PART_CERT] != NULL || bundled->kept > 0)) {
        ZL_LOG_INFO("caBundle has a new CA; the certificate follows",
                    ZL_I64("seconds", TRUST_SPREADS_MS / 1000));
        zl_process_linger(TRUST_SPREADS_MS);
    }
}

/*
 * The API server must trust a new CA before a webhook shows a certificate of it, so caBundle comes
 * first; it names the old CA as well until that has expired.
 */
static enum zl_status attempt(struct job *job, struct zl_error *err)
{
    const struct config *config = job->config;
    ZL_AUTO_MATERIAL struct zl_material old = {0};
    ZL_AUTO_MATERIAL struct zl_material material = {0};
    struct zl_renewed what = {0};
    struct zl_bundled bundled = {0};
    const struct zl_change change = {
        .before = &old, .after = &material, .now_s = zl_clock_wall_us() / 1000000};
    enum zl_status status = load(job, &old, err);
    if (status == ZL_OK) {
        status = renew(job, &old, &material, &what, err);
    }
    if (status == ZL_OK && config->webhook_configuration != NULL) {
        status =
            zl_ca_bundle_set(job->client, config->webhook_configuration, &change, &bundled, err);
    }
    if (status == ZL_OK && what.changed) {
        let_trust_spread(&old, &bundled);
        status = save(job, &material, err);
    }
    if (status != ZL_OK) {
        return status;
    }
    if (config->every_s > 0 && !what.changed && !bundled.changed && job->has_said_kept) {
        return ZL_OK; /* one line a change, not one a minute */
    }
    job->has_said_kept = true;
    ZL_LOG_INFO(what.changed ? "certificate renewed" : "certificate kept",
                ZL_STR("reason", what.reason),
                ZL_STR("place", config->secret != NULL ? config->secret : config->out_dir),
                ZL_BOOL("caBundleChanged", bundled.changed));
    return ZL_OK;
}

static enum zl_status connect(struct job *job, struct zl_error *err)
{
    const struct config *config = job->config;
    if (config->secret == NULL && config->webhook_configuration == NULL) {
        return ZL_OK;
    }
    struct zl_kube_config kube = {0};
    enum zl_status status = zl_kube_config_load(config->kubeconfig, NULL, &kube, err);
    if (status == ZL_OK) {
        status = zl_kube_client_new(&kube, "zen-lead-certs/" ZL_VERSION, &job->client, err);
    }
    zl_kube_config_clear(&kube);
    job->secret = (struct zl_secret){
        .client = job->client, .namespace_ = config->namespace_, .name = config->secret};
    return status;
}

static enum zl_status look(struct job *job, struct zl_error *err)
{
    enum zl_status status = ZL_OK;
    for (int left = ATTEMPTS; left > 0; left--) {
        status = attempt(job, err);
        if (status != ZL_E_CONFLICT) {
            return status;
        }
    }
    return zl_error_wrap(err, status, "someone else keeps writing, tried %d times", ATTEMPTS);
}

static void tell_of_failure(enum zl_status status, const struct zl_error *err)
{
    ZL_LOG_ERROR("certificate not written", ZL_STR("class", zl_status_name(status)), ZL_ERR(err));
}

/* A look after another until a signal; the first ones of an installation may be too early for what they need. */
static enum zl_status look_until_told(struct job *job)
{
    enum zl_status status;
    do {
        struct zl_error err = {0};
        status = look(job, &err);
        if (status != ZL_OK) {
            tell_of_failure(status, &err);
        }
    } while (!zl_process_await_signal((status == ZL_OK ? job->config->every_s : RETRY_S) * 1000));
    return ZL_OK;
}

static enum zl_status run(struct job *job, struct zl_error *err)
{
    enum zl_status status = connect(job, err);
    if (status != ZL_OK || job->config->every_s == 0) {
        return status == ZL_OK ? look(job, err) : status;
    }
    return look_until_told(job);
}

int main(int argc, char **argv)
{
    struct config config = {0};
    zl_options_parse_or_exit(&PROGRAM, argc, argv, &config);
    struct zl_error err = {0};
    struct job job = {.config = &config};
    if (check_config(&config, &err) != ZL_OK ||
        zl_names_collect(config.service, config.namespace_, config.dns_names, config.ips,
                         &job.names, &err) != ZL_OK) {
        fprintf(stderr, "zen-lead-certs: %s\n", err.message);
        zl_names_clear(&job.names);
        return 2;
    }
    if (config.every_s > 0) {
        zl_process_init();
    }
    zl_kube_init();
    enum zl_status status = run(&job, &err);
    if (status != ZL_OK) {
        tell_of_failure(status, &err);
    }
    zl_kube_client_free(job.client);
    zl_kube_cleanup();
    free(job.secret.version);
    zl_names_clear(&job.names);
    return status == ZL_OK ? 0 : 1;
}
