/* SPDX-License-Identifier: Apache-2.0 */
#include "client/run/contest.h"

#include "client/cli/exit_codes.h"
#include "client/election/names.h"
#include "client/run/run.h"
#include "common/base/log.h"

/* The durations of CONTEST into RUN, and whether they leave room for each other. */
static enum zl_status read_durations(const struct zl_contest *contest, struct zl_run *run,
                                     struct zl_error *err)
{
    const struct {
        const char *name, *text;
        int64_t *out_ms;
    } rows[] = {
        {"lease-duration", contest->lease_duration, &run->lease_ms},
        {"renew-deadline", contest->renew_deadline, &run->renew_ms},
        {"retry-period", contest->retry_period, &run->retry_ms},
        {"grace", contest->grace, &run->grace_ms},
        {"timeout", contest->timeout, &run->timeout_ms},
    };
    run->timeout_ms = -1;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        enum zl_status status = ZL_OK;
        if (rows[i].text != NULL) {
            status = zl_duration_read(rows[i].name, rows[i].text, rows[i].out_ms, err);
        }
        if (status != ZL_OK) {
            return status;
        }
    }
    if (run->renew_ms - run->grace_ms <= run->retry_ms) {
        return zl_error_set(err, ZL_E_INVALID,
                            "--renew-deadline %s less --grace %s must be longer than "
                            "--retry-period %s, or one late renewal ends the command",
                            contest->renew_deadline, contest->grace, contest->retry_period);
    }
    if (run->lease_ms <= run->renew_ms) {
        return zl_error_set(err, ZL_E_INVALID,
                            "--lease-duration %s must be longer than --renew-deadline %s",
                            contest->lease_duration, contest->renew_deadline);
    }
    return ZL_OK;
}

int zl_contest(const struct zl_program *program, const struct zl_contest *contest,
               const char *lease, char **command)
{
    struct zl_error err = {0};
    struct zl_kube_config kube = {0};
    ZL_AUTO_FREE char *identity = zl_election_identity(contest->pod);
    struct zl_run run = {
        .name = program->name,
        .kube = &kube,
        .lease = lease,
        .identity = identity,
        .not_acquired_exit = contest->not_acquired_exit,
        .command = command,
    };
    zl_log_set_level(contest->verbose ? ZL_LOG_LEVEL_INFO : ZL_LOG_LEVEL_WARN);
    enum zl_status status = read_durations(contest, &run, &err);
    if (status == ZL_OK) {
        status = zl_lease_name_check(lease, &err);
    }
    if (status == ZL_OK) {
        status = zl_connection_load(&contest->connection, &kube, &err);
    }
    int code = 0;
    if (status == ZL_OK) {
        run.namespace_ = kube.namespace_;
        code = zl_run(&run);
    } else {
        code = zl_verb_failed(program, status, &err);
    }
    zl_kube_config_clear(&kube);
    return code;
}
