#!/usr/bin/env bash
# guard.sh DIR OWNER - wait until process OWNER is gone, then take down what runs in DIR.
#
# The owner's own trap comes first in every orderly end; this is for the kill -9.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
# --pid polls once a second and works for a process that is not our child.
tail --pid="$2" -f /dev/null
# The one who stops the others must not be on their list.
rm -f "$1/pids/guard"
exec bash "$here/down.sh" "$1"
