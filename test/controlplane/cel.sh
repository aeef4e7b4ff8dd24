#!/usr/bin/env bash
# cel.sh - print the folder in which node finds the npm package @bufbuild/cel, after it was put into this machine's cache
# (${XDG_CACHE_HOME:-~/.cache}/zen-lead).
#
# Exits with 75 where the registry does not give it.
set -euo pipefail

version=0.6.1
cache=${XDG_CACHE_HOME:-$HOME/.cache}/zen-lead
done_dir=$cache/cel-$version
mkdir -p "$cache"
exec 9>"$done_dir.lock"
flock 9
if [ ! -d "$done_dir" ]; then
    here=$(cd "$(dirname "$0")" && pwd)
    command -v npm >/dev/null || bash "$here/packages.sh" npm >&2
    echo "cel: fetching @bufbuild/cel $version, once" >&2
    work=$(mktemp -d "$cache/cel.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    trap 'exit 130' INT TERM HUP
    echo '{"private": true}' >"$work/package.json"
    npm install --silent --no-audit --no-fund --prefix "$work" "@bufbuild/cel@$version" >&2 ||
        { echo "cel: npm could not fetch @bufbuild/cel $version" >&2; exit 75; }
    mv "$work" "$done_dir"
fi
echo "$done_dir"
