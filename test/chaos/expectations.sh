#!/usr/bin/env bash
# expectations.sh LOG NAMESPACE PIPE - what kube-controller-manager says in LOG of the ReplicaSets and Jobs in NAMESPACE, as commands for
# the checker: that one waits on its expectations and creates no pod (each time), and that it goes on again (once).
#
# Of each sync of a ReplicaSet or Job it says one of "... still waiting on expectations", "... expectations fulfilled", "... expectations expired" and
# "either never recorded expectations", in the file controller_utils.go at level 4 (--vmodule=controller_utils=4), and of each
# change "Lowered expectations". The text is the same from 1.20 on; around it are %#v of Go or, from 1.27 on, key="value".
# Where the line does not name the object nobody is told, and nobody gets longer than the bound.
set -euo pipefail

log=$1 namespace=$2 pipe=$3
declare -A waiting=()

tail -n +1 -F "$log" 2>/dev/null | grep --line-buffered -a -E "controller_utils\.go.*xpectations.*[\": ]$namespace/" |
    while read -r line; do
        [[ $line =~ [\":\ ]$namespace/([a-z0-9.-]+) ]] || continue
        name=${BASH_REMATCH[1]}
        case $line in
        *"still waiting on expectations"*)
            waiting[$name]=1
            echo "waits $name it waits on its expectations" 1<>"$pipe"
            ;;
        *"expectations fulfilled"* | *"expectations expired"* | *"never recorded expectations"*)
            [ -n "${waiting[$name]:-}" ] || continue
            unset "waiting[$name]"
            echo "goes-on $name it waits no more" 1<>"$pipe"
            ;;
        esac
    done
