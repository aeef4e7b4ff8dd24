#!/usr/bin/env bash
# containerd.sh - make a folder with usr/bin/{containerd,containerd-shim-runc-v2,ctr}, usr/sbin/runc and usr/lib/cni, and print its path.
#
# ZL_CONTAINERD set: that folder is checked and used, with the runc of the machine where it has none. Otherwise they are taken from
# Debian bookworm's packages, unpacked and not installed: no daemon is started on this machine. containerd 2 speaks to no kubelet before
# 1.26, and containerd 1.6, which bookworm has, to none of 1.36.
#
# The result is kept in ${XDG_CACHE_HOME:-~/.cache}/zen-lead. Progress goes to standard error, the path alone to standard output.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
recipe=1 # raise it when what is fetched changes
say() { echo "containerd: $*" >&2; }
die() { say "$*"; exit 1; }

if [ -n "${ZL_CONTAINERD:-}" ]; then
    for name in usr/bin/containerd usr/bin/containerd-shim-runc-v2 usr/bin/ctr usr/lib/cni/bridge; do
        [ -x "$ZL_CONTAINERD/$name" ] || die "ZL_CONTAINERD=$ZL_CONTAINERD has no executable $name; add it or unset the variable"
    done
    [ -x "$ZL_CONTAINERD/usr/sbin/runc" ] || bash "$here/../controlplane/packages.sh" runc
    echo "$ZL_CONTAINERD"
    exit 0
fi

cache=${XDG_CACHE_HOME:-$HOME/.cache}/zen-lead
folder=$cache/containerd-bookworm-$recipe
[ -d "$folder" ] && { echo "$folder"; exit 0; }
mkdir -p "$cache"
exec 9>"$cache/containerd.lock"
flock 9
[ -d "$folder" ] && { echo "$folder"; exit 0; }

# shellcheck source=test/controlplane/archive.bash
. "$here/../controlplane/archive.bash"
rm -rf "$folder.work"
mkdir -p "$folder.work/root"
say "fetching containerd, runc and the CNI plugins of Debian bookworm (60 MB, once)"
archive_open bookworm "$folder.work" || die "set ZL_CONTAINERD to a folder with usr/bin/containerd and usr/lib/cni"
"${apt[@]}" update >&2
(cd "$folder.work" && "${apt[@]}" download containerd runc containernetworking-plugins) >&2
for package in "$folder.work"/*.deb; do dpkg-deb -x "$package" "$folder.work/root"; done
mv "$folder.work/root" "$folder"
rm -rf "$folder.work"
echo "$folder"
