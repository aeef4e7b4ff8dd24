#!/usr/bin/env bash
# down.sh DIR - stop every program that was started in DIR or in a run folder in it, wait for their end, and remove DIR.
#
# KEEP_LOGS=FOLDER copies the logs there first.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
[ $# -eq 1 ] || { echo "usage: down.sh DIR" >&2; exit 2; }
[ -d "$1" ] || exit 0
ZL_RUN=$(cd "$1" && pwd)
# shellcheck source=test/controlplane/process.bash
. "$here/process.bash"

# A second Ctrl-C, or the TERM of an impatient parent, must not leave half of it running.
trap '' INT TERM HUP
# Only a folder that up.sh has made is removed.
[ -d "$ZL_RUN/pids" ] || [ -e "$ZL_RUN/tokens.csv" ] || { echo "down.sh: $ZL_RUN is not a run folder" >&2; exit 1; }
process_close
# Who is in a sandbox ends with it.
for inner in "$ZL_RUN"/*/sandbox; do
    [ ! -e "$inner" ] || bash "$here/../node/sandbox.sh" --end "$(dirname "$inner")"
done
for inner in "$ZL_RUN"/*/pids; do
    [ ! -d "$inner" ] || bash "$here/down.sh" "$(dirname "$inner")"
done
process_stop_all
if [ -n "${KEEP_LOGS:-}" ] && [ -d "$ZL_RUN/log" ]; then
    mkdir -p "$KEEP_LOGS"
    cp "$ZL_RUN"/log/* "$KEEP_LOGS/"
fi
find "/tmp/zen-lead-ports.$UID" -type l -lname "$ZL_RUN" -delete 2>/dev/null || true
rm -rf "$ZL_RUN"
