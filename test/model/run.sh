#!/usr/bin/env bash
# run.sh - check the models of the protocols (seat.pml, fleet.pml, request.pml and what they include) with spin: every scenario must hold, and with
# one guard removed spin must find a fault.
#
#   DEEP=1           larger bounds as well (some minutes, up to 4 GB)
#   FILTER=REGEX     only runs whose name matches
#   KEEP=FOLDER      leave the counterexamples there (NAME/trail.txt)
#
# Shows one line for each run and adds the counts to $ZL_RESULTS (build/results). docs/model.md explains all of it.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1

new_pool="-DFAULTS=0"
led="-DFAULTS=0 -DLED=1"
rollout="-DFAULTS=0 -DLED=1 -DPODS=3 -DNEW=2"   # pods 0 and 2 are of the old revision, pod 1 of the new one
rollout4="-DFAULTS=0 -DLED=1 -DPODS=4 -DNEW=12" # two of each

# KIND | NAME | FLAGS. safe: no assertion may fail. live: in the end the right pod leads alone. fault, stall: the same
# two, but spin must find a violation. Names that begin with "fleet: " are of fleet.pml, with "fleet_order: " of fleet_order.pml, with "request: " of request.pml.
runs() {
    cat <<TABLE
safe|new pool, one death or lost message|-DFAULTS=1
safe|new pool, Lease deleted, a death|-DFAULTS=1 -DDELETES=1
safe|new pool, Lease emptied, a death|-DFAULTS=1 -DEMPTIES=1
safe|a pod slipped past the webhook|$new_pool -DBYPASSES=1
safe|quota refuses a pod, another dies|$led -DDROPS=1 -DKILLS=1
safe|leader NotReady, Lease deleted|$led -DFLAPS=1 -DDELETES=1
safe|leader's node lost, a controller was stopped|$led -DSTUCK=1 -DSTOPPED=1
safe|rollout, a death|$rollout4 -UFAULTS -DFAULTS=1
safe|rollout, a controller was stopped|$rollout -DSTOPPED=1
safe|rollout, Lease deleted|$rollout -DDELETES=1
safe|rollout of a bad image, a pod dies, a controller was stopped|$rollout -DBAD=1 -DKILLS=1 -DSTOPPED=1
live|new pool, one death or lost message|-DFAULTS=1
live|leader dies|$led -DKILLS=1
live|leader's node is lost|$led -DSTUCK=1
live|leader NotReady|$led -DFLAPS=1
live|quota refuses a pod|$new_pool -DDROPS=1
live|Lease deleted|$led -DDELETES=1
live|Lease emptied|$led -DEMPTIES=1
live|a pod slipped past the webhook|$led -DBYPASSES=1
live|rollout|$rollout4
live|rollout of a bad image|$rollout4 -DBAD=1
live|rollout of a bad image, a pod dies|$rollout4 -DBAD=1 -DKILLS=1
fault|NO_CAS|$new_pool
fault|CLAIM_EXPIRED_LEASE|$new_pool
fault|NO_PROVISIONAL|$new_pool
fault|LATE_STORE|$new_pool
fault|CREATE_HELD_LEASE|$new_pool -DDELETES=1
fault|NO_SETTLING|$new_pool -DDELETES=1
fault|NO_TOKEN_MEMORY|$led -DDELETES=1
fault|NO_RELEASE_MARK|$new_pool -DEMPTIES=1
fault|EMPTY_WITHOUT_LOOKING|$led -DEMPTIES=1
fault|LEASE_READ_LAST|$new_pool -DEMPTIES=1
fault|TAKE_FROM_CACHE|$new_pool -DDELETES=1 -DBYPASSES=1
fault|TAKE_DEPOSES_NOBODY|$rollout -DDELETES=1
fault|NO_LIVE_CHECK_BEFORE_SURPLUS|$led -DKILLS=1
fault|NO_DEPOSED|$rollout
fault|PRUNE_FROM_CACHE|$new_pool -DFLAPS=1 -DSTOPPED=1
fault|TWO_SUCCESSORS|$led -DNEW=6
fault|ANY_REVISION_LEADS|$rollout -DBAD=1 -DKILLS=1
fault|FAILED_SUCCESSOR_NOT_DEPOSED|$rollout -DBAD=1 -DKILLS=1
stall|NO_WAKE|$led -DSTUCK=1
safe|fleet: an arbiter acts on an old view|-DVIEWS=1
safe|fleet: each member restarts once|-DRESTARTS=1 -DNONCES=3
safe|fleet: a turn is extended, two old views|-DEXTENSIONS=1 -DNONCES=3 -DVIEWS=2
safe|fleet: people pause and resume|-DPAUSES=1 -DRESUMES=1
safe|fleet: N is lowered|-DN=2 -DLOWERS=1
safe|fleet: the hub is restored|-DRESTORES=1
safe|fleet: three clusters|-DCLUSTERS=3 -DNONCES=1 -DVIEWS=0
safe|fleet_order: three clusters, an arbiter with an old view|
safe|request: the seat moves, a pod dies|-DDEATHS=1
safe|request: the seat moves, an older release moves it as well|-DSTRANGERS=1
safe|request: the leader is deleted, a pod dies|-DSCALE_DOWN=1 -DDEATHS=1
fault|request: NO_CAS|
fault|request: NO_CAS_ASK|
fault|request: NO_CAS_TAKE_BACK|
fault|request: ASK_OVER_ANOTHER|
fault|request: REQUEST_OF_ANY_LEADER|-DSTRANGERS=1
fault|request: REQUEST_STAYS|
fault|request: NO_DEADLINE|
fault|request: NO_TAKE_BACK|
fault|request: TAKE_BACK_ANY|
fault|request: NO_LAST_LOOK|
fault|request: NO_LIVE_LOOK|-DSCALE_DOWN=1
fault|fleet: NO_CAS_LEDGER|-DNONCES=1
fault|fleet: NO_CAS_TURN|-DEXTENSIONS=1
fault|fleet: OFFER_ABOVE_N|-DVIEWS=0
fault|fleet: OFFER_IN_PAUSE|-DNONCES=1
fault|fleet: ACCEPT_IN_PAUSE|-DPAUSES=1
fault|fleet: N_APART|-DN=2 -DLOWERS=1
fault|fleet: PAUSE_APART|-DPAUSES=1
fault|fleet: TOKEN_FROM_ENTRIES|-DVIEWS=0
fault|fleet: PROJECT_BACKWARDS|-DRESTARTS=1
fault|fleet: ANSWERS_AT_PROJECTION|-DRESTARTS=1
fault|fleet: SHORTER_LIMIT|-DRESTARTS=1
fault|fleet: TIMER_OF_TOKEN|-DEXTENSIONS=1
fault|fleet: RESUME_AFTER_END|-DRESTARTS=1
fault|fleet: ANSWER_CLEARS_TURN|-DRESTARTS=1
fault|fleet: LEDGER_FIRST|-DRESUMES=1 -DNONCES=1
fault|fleet: END_WITHOUT_COUNT|-DVIEWS=0
fault|fleet: COUNT_WITHOUT_PAUSE|-DVIEWS=0
fault|fleet: LATE_DONE_TWICE|-DNONCES=1
fault|fleet: PAUSE_KEEPS_ID|-DN=2 -DRESUMES=1 -DNONCES=1
fault|fleet: RESUME_ANY_PAUSE|-DN=2 -DRESUMES=1 -DNONCES=1
fault|fleet: ACT_ON_OFFER|-DVIEWS=0
fault|fleet: ACT_ON_ANY_NONCE|-DRESTARTS=1
fault|fleet: DEADLINE_FROM_ANSWER|-DNONCES=1
fault|fleet: ACT_AFTER_REPORT|-DNONCES=1
fault|fleet: FORGET_REPORT|-DRESTARTS=1
fault|fleet: OFFER_WHILE_RESTORED|-DRESTORES=1
fault|fleet: RESTORED_WITHOUT_HOLD|-DRESTORES=1
fault|fleet: TOKEN_FROM_LEDGER|-DRESTORES=1 -DVIEWS=0
fault|fleet_order: OFFER_OUT_OF_ORDER|
fault|fleet_order: TICKET_TOLD_FIRST|
fault|fleet_order: TICKET_ANEW|
TABLE
    [ -z "${DEEP:-}" ] || cat <<TABLE
safe|deep: new pool, a death, a controller was stopped|-DFAULTS=1 -DSTOPPED=1
safe|deep: Lease deleted twice, a death|-DFAULTS=1 -DDELETES=2
safe|deep: Lease emptied, a pod slipped past the webhook|-DFAULTS=1 -DEMPTIES=1 -DBYPASSES=1
safe|deep: quota, two deaths|-DFAULTS=2 -DKILLS=1 -DDROPS=1
safe|deep: rollout, Lease deleted|$rollout4 -DDELETES=1
safe|deep: rollout, leader NotReady, a death|$rollout4 -UFAULTS -DFAULTS=1 -DFLAPS=1
live|deep: rollout, a pod dies|$rollout4 -DKILLS=1
live|deep: rollout, leader's node is lost|$rollout4 -DSTUCK=1
live|deep: rollout, Lease deleted|$rollout4 -DDELETES=1
live|deep: rollout of a bad image, Lease deleted|$rollout4 -DBAD=1 -DDELETES=1
safe|request: deep: three pods, two die|-DPODS=3 -DDEATHS=2
safe|fleet: deep: members restart, a turn is extended|-DRESTARTS=1 -DEXTENSIONS=1 -DNONCES=3
safe|fleet: deep: members restart, people resume|-DRESTARTS=1 -DRESUMES=1 -DNONCES=3
safe|fleet: deep: members restart, three old views|-DRESTARTS=1 -DVIEWS=3
safe|fleet: deep: the hub is restored, members restart|-DRESTORES=1 -DRESTARTS=1 -DNONCES=3
safe|fleet: deep: three turns|-DTURNS=3
safe|fleet: deep: three clusters, an arbiter acts on an old view|-DCLUSTERS=3 -DNONCES=1 -DVIEWS=1
safe|fleet_order: deep: two looks, two wants|-DVIEWS=2 -DWANTS=2 -DTICKETS=7
TABLE
}

# one FOLDER LINE: a run; its line on standard output, its counts in FOLDER.
one() {
    local folder=$1 kind name flags
    IFS='|' read -r kind name flags <<<"$2"
    local optimise=-O0 options=() defines=(-DSAFETY) verdict=ok started model=seat.pml removed=$name
    case $name in fleet:* | fleet_order:* | request:*) model=${name%%:*}.pml removed=${name#*: } ;; esac
    started=$(date +%s%3N)
    # Compiling takes longer than most searches.
    [[ $flags =~ FAULTS=[12]|FLAPS|STUCK || $kind-$model =~ ^safe-(fleet|request) ]] && optimise=-O1
    case $kind in
    safe) ;;
    fault)
        flags+=" -D$removed"
        defines+=(-DBFS) # the shortest counterexample
        ;;
    live | stall)
        flags+=" -DLIVENESS"
        defines=(-DNOREDUCE -DNFAIR=4)
        options=(-a -f)
        [ "$kind" = live ] || flags+=" -D$removed"
        ;;
    esac
    local work=$folder/$kind-${name//[^A-Za-z0-9]/_}
    mkdir -p "$work"
    # An option that a later one overrides goes first: -DFAULTS=0 ... -UFAULTS -DFAULTS=1.
    # shellcheck disable=SC2086 # flags are words
    (cd "$work" && cp "$MODEL"/*.pml . && spin -a $flags "$model" >log 2>&1 &&
        gcc $optimise -w "${defines[@]}" -DMEMLIM=4000 -o pan pan.c >>log 2>&1 &&
        ./pan "${options[@]}" -E -m2000000 -w22 >>log 2>&1)
    local errors states truncated
    errors=$(sed -n 's/.*errors: \([0-9]*\).*/\1/p' "$work/log" | tail -n 1)
    states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' "$work/log" | tail -n 1)
    truncated=$(grep -cE 'max search depth too small|out of memory|memory bound|Search not completed' "$work/log")
    case $kind in
    safe | live) [ "${errors:-none}" = 0 ] && [ "$truncated" = 0 ] || verdict=FAILED ;;
    # A violation, and not merely a search that broke off.
    fault) grep -q 'assertion violated' "$work/log" || verdict="FAILED: not found" ;;
    stall) grep -q 'acceptance cycle' "$work/log" || verdict="FAILED: not found" ;;
    esac
    if [ "${errors:-0}" != 0 ]; then
        # shellcheck disable=SC2086
        (cd "$work" && spin -t -p -g $flags "$model" >trail.txt 2>&1)
    fi
    printf '  %-5s %-62s %9s states %5d ms  %s\n' "$kind" "$name" "${states:-?}" $(($(date +%s%3N) - started)) "$verdict"
    if [ "$verdict" = ok ]; then echo 1 0; else echo 0 1; fi >"$work.counts"
    if [ "$verdict" != ok ]; then tail -n 25 "$work/log"; fi
    if [ -n "${KEEP:-}" ] && [ -e "$work/trail.txt" ]; then
        mkdir -p "$KEEP/${work##*/}" && cp "$work/trail.txt" "$KEEP/${work##*/}/"
    fi
    rm -rf "$work"
}

if [ "${1:-}" = --one ]; then
    one "$2" "$3"
    exit 0
fi

bash test/controlplane/packages.sh spin gcc
MODEL=$PWD/test/model
export MODEL
folder=$(mktemp -d "${TMPDIR:-/tmp}/zen-lead-model.XXXXXX")
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM
started=$(date +%s)
runs | grep -E "${FILTER:-.}" | tr '\n' '\0' |
    xargs -0 -P "${JOBS:-$(nproc)}" -I RUN bash test/model/run.sh --one "$folder" RUN
read -r passed failed < <(cat "$folder"/*.counts 2>/dev/null | awk '{p += $1; f += $2} END {print p + 0, f + 0}')
mkdir -p build
echo "$passed $failed" >>"${ZL_RESULTS:-build/results}"
echo "model: $passed passed, $failed failed, $(($(date +%s) - started)) s"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
