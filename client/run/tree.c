/* SPDX-License-Identifier: Apache-2.0 */
#include "client/run/tree.h"

#include "common/base/memory.h"
#include "common/base/parse.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#define STAT_MAX 1024
#define PID_MAX (INT64_C(1) << 22)

struct process {
    pid_t pid, parent;
    int64_t started; /* with the pid: this process and no later one */
    bool ours;
};

struct table {
    struct process *all;
    size_t count, capacity;
};

/* Field NUMBER (from 3) of /proc/PID/stat. The name before may hold anything, so the last ')' ends it. */
static bool stat_field(const char *text, int number, int64_t max, int64_t *out)
{
    const char *at = strrchr(text, ')');
    for (int field = 2; at != NULL && field < number; field++) {
        at = strchr(at + 1, ' ');
    }
    if (at == NULL) {
        return false;
    }
    char digits[24] = "";
    const size_t length = strcspn(at + 1, " \n");
    if (length >= sizeof digits) {
        return false;
    }
    memcpy(digits, at + 1, length);
    return zl_parse_i64(digits, 0, max, out, NULL) == ZL_OK;
}

static bool look(pid_t pid, struct process *out)
{
    char path[64], text[STAT_MAX];
    (void)snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    const ssize_t got = read(fd, text, sizeof text - 1);
    (void)close(fd);
    if (got <= 0) {
        return false;
    }
    text[got] = '\0';
    int64_t parent = 0, started = 0;
    if (!stat_field(text, 4, PID_MAX, &parent) || !stat_field(text, 22, INT64_MAX, &started)) {
        return false;
    }
    *out = (struct process){.pid = pid, .parent = (pid_t)parent, .started = started};
    return true;
}

static void add(struct table *table, pid_t pid)
{
    struct process process;
    if (!look(pid, &process)) {
        return; /* it is gone */
    }
    if (table->count == table->capacity) {
        table->capacity = table->capacity == 0 ? 256 : 2 * table->capacity;
        table->all = zl_realloc(table->all, table->capacity, sizeof *table->all);
    }
    table->all[table->count++] = process;
}

static void read_all(struct table *table)
{
    DIR *folder = opendir("/proc");
    if (folder == NULL) {
        return;
    }
    const struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        int64_t pid = 0;
        if (zl_parse_i64(entry->d_name, 1, PID_MAX, &pid, NULL) == ZL_OK) {
            add(table, (pid_t)pid);
        }
    }
    (void)closedir(folder);
}

static bool is_ours(const struct table *table, pid_t root, pid_t parent)
{
    if (parent == root) {
        return true;
    }
    for (size_t i = 0; i < table->count; i++) {
        if (table->all[i].pid == parent) {
            return table->all[i].ours;
        }
    }
    return false;
}

/* Children may stand before their parents. */
static void mark(struct table *table, pid_t root)
{
    bool more = true;
    while (more) {
        more = false;
        for (size_t i = 0; i < table->count; i++) {
            struct process *process = &table->all[i];
            if (!process->ours && is_ours(table, root, process->parent)) {
                process->ours = more = true;
            }
        }
    }
}

/* By a handle on the process, so that a number that was given to somebody else meanwhile hits nobody. */
static void send_to(const struct process *process, int signal_number)
{
    const int fd = (int)syscall(SYS_pidfd_open, process->pid, 0);
    if (fd < 0) { /* gone; or a kernel before 5.3 */
        (void)kill(process->pid, signal_number);
        return;
    }
    struct process now;
    if (look(process->pid, &now) && now.started == process->started) {
        (void)syscall(SYS_pidfd_send_signal, fd, signal_number, NULL, 0);
    }
    (void)close(fd);
}

bool zl_tree_is_visible(void)
{
    struct process self;
    return look(getpid(), &self);
}

void zl_tree_signal(pid_t root, int signal_number)
{
    struct table table = {0};
    read_all(&table);
    mark(&table, root);
    for (size_t i = 0; i < table.count; i++) {
        if (table.all[i].ours) {
            send_to(&table.all[i], signal_number);
        }
    }
    free(table.all);
}
