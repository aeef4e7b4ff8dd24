# shellcheck shell=bash
#
# check.bash - for scripts that ask one question after the other and go on when the answer is no. It makes the folder $work, which goes
# with the script; whoever sources it ends with `exit $failures`.

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
failures=0

# check NAME COMMAND... - it succeeds; what it said is shown when it does not.
check() {
    local name=$1
    shift
    if "$@" >"$work/out" 2>&1; then
        echo "ok   - $name"
    else
        echo "FAIL - $name"
        sed -n '1,30s/^/         /p' "$work/out"
        # shellcheck disable=SC2034 # whoever sources this ends with it
        failures=1
    fi
}
