#!/usr/bin/env bash
# sidecar.sh - what a sidecar takes: time for an answer at a steady rate, time behind the API server's events, memory.
#
#   RATE=N      requests in a second (1000)
#   SECONDS_=N  for so long (10)
#   CHANGES=N   new leaders (50)
set -euo pipefail

# shellcheck source=test/bench/cluster.bash
. "$(dirname "$0")/cluster.bash"
# shellcheck disable=SC2119
start_cluster

port=$(free_port)
process_start sidecar env POD_NAME=bench-1 "$ZL_BIN/zen-lead" sidecar bench --namespace default --port "$port"
wait_until 20 answers "http://127.0.0.1:$port/v1/pools/bench" || { log_tail sidecar; exit 1; }
memory() {
    awk '/^Vm(RSS|HWM)|^Rss(Anon|File)/ { printf "%s %.1f MiB  ", $1, $2 / 1024 } END { print "" }' "/proc/$(process_pid sidecar)/status"
}

machine
"$ZL_BIN/zl-sidecar-bench" --port "$port" --rate "${RATE:-1000}" --seconds "${SECONDS_:-10}" --changes "${CHANGES:-50}"
memory
awk '/^Pss:/ { printf "Pss: %.1f MiB, of which ", $2 / 1024 } /^Private_Dirty:/ { printf "private and dirty %.1f MiB\n", $2 / 1024 }' \
    "/proc/$(process_pid sidecar)/smaps_rollup"
