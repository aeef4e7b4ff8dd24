# shellcheck shell=bash
#
# talk.bash - how the demo speaks: steps, commands as they would be typed, times. To be sourced.
#
# PAUSE=SECONDS between the steps, default 1 on a terminal, 0 elsewhere; NO_COLOR=1: no colours, which are used only on a
# terminal anyway. $first_step: the number before that of the first step.

bold="" dim="" green="" yellow="" cyan="" plain="" pause=${PAUSE:-0}
if [ -t 1 ]; then
    pause=${PAUSE:-1}
    if [ -z "${NO_COLOR:-}" ]; then
        bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' yellow=$'\e[33m' cyan=$'\e[36m' plain=$'\e[0m'
    fi
fi

step_number=${first_step:-0}
step() {
    sleep "$pause"
    step_number=$((step_number + 1))
    printf '\n%s%d. %s%s\n' "$bold$cyan" "$step_number" "$1" "$plain"
}
say() { printf '   %s\n' "$@"; }
good() { printf '   %s%s%s\n' "$green" "$1" "$plain"; }

# run COMMAND... - show it as it would be typed, then do it.
run() {
    printf '\n   %s$ %s%s\n' "$yellow" "$(typed "$@")" "$plain"
    "$@" 2>&1 | sed 's/^/   /'
}

# The words of a command, quoted only where a shell needs it.
typed() {
    local word line=""
    for word in "$@"; do
        case $word in
        *[\ \(\)\[\]\{\}\|\'\"]*) line+=" '$word'" ;;
        *) line+=" $word" ;;
        esac
    done
    echo "${line# }"
}

# apply TEXT - show the object, then create it.
apply() {
    printf '\n   %s$ kubectl apply -f - <<EOF%s\n' "$yellow" "$plain"
    sed "s/^/   /; s|zen-lead/pool: .*|$bold$green&$plain|" <<<"$1"
    printf '   %sEOF%s\n' "$yellow" "$plain"
    kubectl apply -f - <<<"$1" 2>&1 | sed 's/^/   /'
}

# begin WHAT / done_in - one line per thing that is started, with its time.
begin() {
    printf '   %-58s' "$1"
    began=${EPOCHREALTIME/./}
}
done_in() {
    local ms=$(((${EPOCHREALTIME/./} - began) / 1000))
    printf '%s%d.%01d s%s\n' "$dim" $((ms / 1000)) $((ms % 1000 / 100)) "$plain"
}

give_up() {
    printf '\n%s\n' "$1" >&2
    exit 1
}

