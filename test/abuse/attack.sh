#!/usr/bin/env bash
# attack.sh NAME - one attack of attacks.bash, until it is ended; run.sh starts it.
set -uo pipefail

# shellcheck source=test/controlplane/programs.bash
. "$(dirname "$0")/../controlplane/programs.bash"
# shellcheck source=test/abuse/attacks.bash
. "$(dirname "$0")/attacks.bash"
work=$ZL_RUN/attack-$1
mkdir -p "$work"
"attack_$1"
