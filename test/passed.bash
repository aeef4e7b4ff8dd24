# shellcheck shell=bash
#
# passed.bash - remembers what passed and with which inputs, so that `make test` runs again only what something was changed for,
# as `go test` does.
#
# A record is a file $ZL_PASSED/NAME: the key of the inputs, and the counts. It is a folder of the tree (build/passed), so a clean
# clone runs everything. Without $ZL_PASSED nothing is remembered, and nothing is taken from memory: `make test FRESH=1`, and every
# single target. A failure is never remembered.

# passed_key PATH... - of the content of every file there, and of the versions of what builds and runs it.
passed_key() {
    {
        uname -r
        dpkg-query -W -f '${Package} ${Version}\n' gcc clang clang-tidy valgrind bats spin libmicrohttpd12 libgnutls30 libcurl4 \
            libcjson1 libyaml-0-2 libssl3 jq gojq curl haproxy containerd runc 2>/dev/null
        echo "${KUBEBUILDER_ASSETS:-} ${ZL_BIN:-} ${ZL_REAL_KUBECTL:-}"
        find "$@" -type f -print0 | sort -z | xargs -0 sha256sum
    } | sha256sum | cut -d ' ' -f 1
}

# passed_before NAME KEY - prints its counts; false when it did not pass with these inputs.
passed_before() {
    local key counts
    [ -n "${ZL_PASSED:-}" ] && [ -r "$ZL_PASSED/$1" ] && read -r key counts <"$ZL_PASSED/$1" && [ "$key" = "$2" ] && echo "$counts"
}

# passed_area_key AREA - of an area of the end-to-end tests. The client's programs count for the client's area alone.
passed_area_key() {
    local paths=(common webhook controller certs manifests Makefile test/kubelet test/kubectl test/controlplane "test/e2e/$1.bats"
        test/e2e/{lib.bash,cluster.sh,group.sh,run.sh})
    case $1 in
    apiservers*) paths+=(test/chaos/proxy.c) ;;
    client*) paths+=(client test/client) ;;
    dashboard*) paths+=(client test/dashboard) ;;
    install*) paths+=(test/manifests docs) ;;
    peer*) paths+=(client test/peer) ;;
    node*) paths+=(Dockerfile client docs test/node test/image) ;;
    tls*) paths+=(test/tls test/data) ;;
    esac
    passed_key "${paths[@]}"
}

# passed_now NAME KEY COUNTS... - in one step, because a run may be ended at any line.
passed_now() {
    [ -n "${ZL_PASSED:-}" ] || return 0
    mkdir -p "$ZL_PASSED"
    echo "${*:2}" >"$ZL_PASSED/$1.$BASHPID"
    mv "$ZL_PASSED/$1.$BASHPID" "$ZL_PASSED/$1"
}
