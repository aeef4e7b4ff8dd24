#!/usr/bin/env bash
# earlier.sh [COMMIT] - build the version of COMMIT (a commit or tag; the one in test/node/earlier) and print the folder of it: its
# manifests/, and root/, what its image holds. An update is tested from there.
#
# A minute on 2 cores, once: the result is kept in ${XDG_CACHE_HOME:-~/.cache}/zen-lead. Exit code 77, after a sentence on standard
# error: this checkout's history does not reach back that far.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
wanted=${1:-$(<test/node/earlier)}
if ! commit=$(git rev-parse --verify --quiet "$wanted^{commit}"); then
    echo "earlier version: $wanted is not in this checkout's history (a shallow clone, or an archive?)" >&2
    exit 77
fi
cache=${XDG_CACHE_HOME:-$HOME/.cache}/zen-lead
folder=$cache/earlier-$commit
mkdir -p "$cache"
exec 9>"$cache/earlier.lock"
flock 9
if [ ! -e "$folder" ]; then
    echo "earlier version: building $(git log -1 --format='%h of %cs' "$commit")" >&2
    tree=$folder.work
    trap 'rm -rf "$tree"' EXIT
    rm -rf "$tree"
    mkdir "$tree"
    git archive "$commit" | tar -x -C "$tree"
    # It is a build of its own: nothing of ours is handed down.
    env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -C "$tree" -j"$(nproc)" all >"$tree/log" 2>&1 || { tail -n 20 "$tree/log" >&2 && exit 1; }
    bash "$tree/test/image/root.sh" "$tree/build/bin" "$tree/result/root"
    mv "$tree/manifests" "$tree/result/manifests"
    mv "$tree/result" "$folder"
fi
echo "$folder"
