/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main.c - zl-kubectl: do it, or let the real kubectl do it.
 *
 *   ZL_KUBECTL          the real kubectl
 *   ZL_KUBECTL_VERSION  1.N of it and of the server: N. Only of versions that were compared is it known what they print.
 *   ZL_KUBECTL_LOG      a file: a line for each command, with its milliseconds
 */
#include "common/base/clock.h"
#include "common/base/limits.h"
#include "common/base/parse.h"
#include "test/kubectl/kubectl.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

static const int COMPARED[] = {20, 36};

static const struct {
    const char *name;
    int (*serve)(struct zl_session *session, const struct zl_command *command);
} VERBS[] = {
    {"get", zl_kubectl_get},      {"delete", zl_kubectl_delete}, {"annotate", zl_kubectl_mark},
    {"label", zl_kubectl_mark},   {"patch", zl_kubectl_patch},   {"create", zl_kubectl_create},
    {"apply", zl_kubectl_create}, {"wait", zl_kubectl_wait},
};

int zl_defer(struct zl_session *session, const char *why)
{
    session->reason = why;
    return ZL_DEFER;
}

static void log_command(const char *outcome, const char *reason, int64_t started_ms, char **argv)
{
    const char *path = getenv("ZL_KUBECTL_LOG");
    ZL_AUTO_CLOSE int fd =
        path != NULL ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (fd < 0) {
        return;
    }
    ZL_AUTO_BUF struct zl_buf line;
    zl_buf_init(&line, ZL_LOG_LINE_MAX);
    zl_buf_printf(&line, "%s %d ms (%s)", outcome, (int)(zl_clock_ms() - started_ms),
                  reason ? reason : "");
    for (int i = 1; argv[i] != NULL; i++) {
        zl_buf_printf(&line, " %.200s", argv[i]);
    }
    for (char *at = line.data; *at != '\0'; at++) {
        *at = *at == '\n' ? ' ' : *at;
    }
    zl_buf_add_text(&line, "\n");
    (void)!write(fd, line.data, line.length);
}

/* What was read of standard input, given back. */
static bool rewind_input(const struct zl_buf *input)
{
    int fd = memfd_create("stdin", 0);
    return fd >= 0 && write(fd, input->data, input->length) == (ssize_t)input->length &&
           lseek(fd, 0, SEEK_SET) == 0 && dup2(fd, STDIN_FILENO) == STDIN_FILENO;
}

static int run_real(const struct zl_session *session, char **argv)
{
    char *real = getenv("ZL_KUBECTL");
    if (real == NULL) {
        fputs("zl-kubectl: ZL_KUBECTL does not say where the real kubectl is\n", stderr);
        return 1;
    }
    if (session->input.length > 0 && !rewind_input(&session->input)) {
        perror("zl-kubectl: standard input");
        return 1;
    }
    argv[0] = real;
    execv(real, argv);
    perror(real);
    return 1;
}

static bool flush(int fd, const struct zl_buf *text)
{
    for (size_t done = 0; done < text->length;) {
        ssize_t step = write(fd, text->data + done, text->length - done);
        if (step <= 0) {
            return false;
        }
        done += (size_t)step;
    }
    return true;
}

static int minor_version(void)
{
    const char *text = getenv("ZL_KUBECTL_VERSION");
    int64_t minor = 0;
    if (text == NULL || zl_parse_i64(text, 0, 99, &minor, NULL) != ZL_OK) {
        return 0;
    }
    for (size_t i = 0; i < sizeof COMPARED / sizeof COMPARED[0]; i++) {
        if (COMPARED[i] == (int)minor) {
            return (int)minor;
        }
    }
    return 0;
}

static int serve(struct zl_session *session, const struct zl_command *command)
{
    struct zl_kube_config config = {0};
    if (zl_kube_config_load(NULL, NULL, &config, NULL) != ZL_OK ||
        zl_kube_client_new(&config, "kubectl/zen-lead", &session->client, NULL) != ZL_OK) {
        return zl_defer(session, "the kubeconfig");
    }
    session->namespace_ = command->namespace_ != NULL ? command->namespace_ : config.namespace_;
    int status = zl_defer(session, "a verb");
    for (size_t i = 0; i < sizeof VERBS / sizeof VERBS[0]; i++) {
        if (strcmp(VERBS[i].name, command->verb) == 0) {
            status = VERBS[i].serve(session, command);
        }
    }
    zl_kube_client_free(session->client);
    zl_kube_config_clear(&config);
    return status;
}

int main(int argc, char **argv)
{
    int64_t started_ms = zl_clock_ms();
    struct zl_command command = {0};
    struct zl_session session = {.minor = minor_version()};
    zl_buf_init(&session.out, ZL_ANSWER_MAX);
    zl_buf_init(&session.err, ZL_MIB);
    zl_buf_init(&session.warnings, ZL_MIB);
    zl_buf_init(&session.input, ZL_FILE_MAX);
    int status = ZL_DEFER;
    if (session.minor == 0) {
        (void)zl_defer(&session, "a version");
    } else if (!zl_command_parse(argc, argv, &command)) {
        (void)zl_defer(&session, "an option");
    } else {
        zl_kube_init();
        status = serve(&session, &command);
    }
    log_command(status == ZL_DEFER ? "deferred" : "served", session.reason, started_ms, argv);
    if (status == ZL_DEFER) {
        return run_real(&session, argv);
    }
    if (!flush(STDERR_FILENO, &session.warnings) || !flush(STDOUT_FILENO, &session.out) ||
        !flush(STDERR_FILENO, &session.err)) {
        return 1;
    }
    zl_buf_clear(&session.out);
    zl_buf_clear(&session.err);
    zl_buf_clear(&session.warnings);
    zl_buf_clear(&session.input);
    zl_kube_cleanup();
    return status;
}
