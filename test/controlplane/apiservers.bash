# shellcheck shell=bash
#
# apiservers.bash - more API servers on the control plane of up.sh, and what may stand before them. To be sourced, after programs.bash.

# another_apiserver NAME [OPTION...] - on the same etcd, with the options of kube-apiserver and these: of one that comes twice the
# last counts. Its administrator is $ZL_RUN/NAME.kubeconfig. Waits until it is ready.
another_apiserver() {
    local name=$1 argv own=() first
    shift
    mapfile -d '' -t argv <"/proc/$(process_pid kube-apiserver)/cmdline"
    own=(--secure-port "$(port_of "$name")" "$@")
    [[ " ${argv[*]} " != *" --audit-log-path "* ]] || own+=(--audit-log-path "$ZL_RUN/audit-$name.log")
    process_start "$name" "${argv[@]}" "${own[@]}" || return 1
    first=$(apiserver_port)
    sed "s/:$first\"/:$(port_of "$name")\"/" "$ZL_RUN/kubeconfig" >"$ZL_RUN/$name.kubeconfig"
    wait_until 120 kubectl --kubeconfig "$ZL_RUN/$name.kubeconfig" get --raw /readyz && return 0
    log_tail "$name"
    return 1
}

# apiserver_port - of kube-apiserver, which up.sh has started
apiserver_port() { sed -nE 's/.*server: "https:.*:([0-9]+)".*/\1/p' "$ZL_RUN/kubeconfig"; }

# start_link NAME TARGET-PORT - a fault proxy (test/chaos/proxy.c) in front of it; its commands go to the pipe link-NAME
start_link() {
    process_start "link-$1" "$ZL_BIN/zl-chaos-proxy" --port "$(port_of "link-$1")" --target-port "$2" \
        --control "$ZL_RUN/link-$1"
    wait_until 5 test -p "$ZL_RUN/link-$1"
}

# link NAME COMMAND - without waiting, whoever reads it
link() { echo "$2" 1<>"$ZL_RUN/link-$1"; }

# through_link PROGRAM LINK - writes $ZL_RUN/LINK-PROGRAM.kubeconfig, PROGRAM's way to the API server by this link, and prints its name.
# Somebody may be reading the one before.
through_link() {
    local file=$ZL_RUN/$2-$1.kubeconfig
    sed "s/:$(apiserver_port)\"/:$(port_of "link-$2")\"/" "$ZL_RUN/$1.kubeconfig" >"$file.new"
    mv "$file.new" "$file"
    echo "$file"
}

# start_apiservers_proxy PORT BACKUP-PORT - at the port of the name "apiservers": new connections go to the first while it answers its health
# check, else to the second. Those that stand stay where they are, as with the load balancers that clusters have.
start_apiservers_proxy() {
    cat >"$ZL_RUN/apiservers.cfg" <<HAPROXY
defaults
    mode tcp
    timeout connect 500ms
    timeout client 1h
    timeout server 1h
    timeout check 1s
listen apiservers
    bind 127.0.0.1:$(port_of apiservers)
    option httpchk GET /livez
    default-server check check-ssl verify none inter 200ms fall 2 rise 1
    server first 127.0.0.1:$1
    server second 127.0.0.1:$2 backup
HAPROXY
    process_start apiservers-proxy haproxy -db -f "$ZL_RUN/apiservers.cfg"
    wait_until 60 curl -sf --noproxy '*' -m 2 --cacert "$ZL_RUN/ca.crt" -o /dev/null "https://127.0.0.1:$(port_of apiservers)/readyz"
}
