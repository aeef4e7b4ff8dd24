#!/usr/bin/env bash
# prometheus.sh - make a folder with prometheus and promtool, and print its path.
#
# PROMETHEUS_ASSETS set: that folder is checked and used. Otherwise they come from the package prometheus of this machine's
# Debian or Ubuntu: unpacked, not installed, so that no daemon is started. Kept in ${XDG_CACHE_HOME:-~/.cache}/zen-lead.
#
# Progress goes to standard error, the path alone to standard output.
set -euo pipefail

say() { echo "prometheus: $*" >&2; }

if [ -n "${PROMETHEUS_ASSETS:-}" ]; then
    for name in prometheus promtool; do
        [ -x "$PROMETHEUS_ASSETS/$name" ] && continue
        say "PROMETHEUS_ASSETS=$PROMETHEUS_ASSETS has no executable $name; add it or unset the variable"
        exit 1
    done
    echo "$PROMETHEUS_ASSETS"
    exit 0
fi

cache=${XDG_CACHE_HOME:-$HOME/.cache}/zen-lead
done_dir=$cache/prometheus
mkdir -p "$cache"
exec 9>"$cache/prometheus.lock"
flock 9
[ -x "$done_dir/promtool" ] && { echo "$done_dir"; exit 0; }

command -v apt-get >/dev/null || {
    say "this machine has no apt-get; set PROMETHEUS_ASSETS to a folder with prometheus and promtool"
    exit 1
}
if ! apt-cache show prometheus >/dev/null 2>&1; then
    # apt-get update waits for nobody: one at a time, as in packages.sh.
    exec 8>"${TMPDIR:-/tmp}/zen-lead-packages.$(id -u).lock"
    flock 8
    sudo=()
    [ "$(id -u)" -eq 0 ] || sudo=(sudo)
    "${sudo[@]}" apt-get update -qq >&2
fi
work=$done_dir.work
rm -rf "$work" && mkdir -p "$work"
say "unpacking Debian's package (once)"
(cd "$work" && apt-get -q -o APT::Sandbox::User=root download prometheus) >&2
dpkg-deb -x "$work"/prometheus_*.deb "$work/deb"
rm -rf "$done_dir"
mv "$work/deb/usr/bin" "$done_dir"
rm -rf "$work"
echo "$done_dir"
