#!/usr/bin/env bash
# build.sh [peer|webhook] - build zl-peer (peer.go), or zl-webhook-peer (webhook.go), with the client-go that Debian 13 has, and print its path.
#
# Debian 12 has no client-go: the packages come from the next release, with the compiler that they want, and are unpacked, not
# installed. About 85 MB to download and 1 GB on the disk, which are removed again; 4 minutes on 2 cores, once. The result is kept in
# ${XDG_CACHE_HOME:-~/.cache}/zen-lead. A change of its source builds anew.
#
# Progress goes to standard error, the path alone to standard output. Exit code 77: the packages cannot be had here.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/zen-lead
recipe=1 # raise it when the way of building changes
case ${1:-peer} in
    peer) program=zl-peer kept=peer ;;
    webhook) program=zl-webhook-peer kept=webhook-peer ;;
    *) echo "build.sh: there is peer and webhook, not \"$1\"" >&2 && exit 2 ;;
esac
source=$here/${1:-peer}.go
key=$recipe-$(sha256sum <"$source" | cut -c 1-12)
done_dir=$cache/$kept-$key
packages=$cache/peer-packages

say() { echo "$program: $*" >&2; }

[ -x "$done_dir/$program" ] && { echo "$done_dir/$program"; exit 0; }
mkdir -p "$cache"
exec 9>"$cache/peer.lock"
flock -n 9 || { say "another build is running, waiting for it"; flock 9; }
[ -x "$done_dir/$program" ] && { echo "$done_dir/$program"; exit 0; }
bash "$here/../controlplane/packages.sh" dpkg-dev ca-certificates

# shellcheck source=test/controlplane/archive.bash
. "$here/../controlplane/archive.bash"
if [ ! -e "$packages/.unpacked" ]; then
    rm -rf "$packages"
    mkdir -p "$packages"
    archive_open trixie "$packages" || exit 77
    say "downloading (about 85 MB)"
    if ! "${apt[@]}" update >"$packages/apt.log" 2>&1 ||
        ! "${apt[@]}" install --download-only golang-go golang-k8s-client-go-dev >>"$packages/apt.log" 2>&1; then
        tail -n 20 "$packages/apt.log" >&2
        say "could not download them"
        exit 77
    fi
    say "unpacking"
    # What Go needs of them, and no C compiler of another release.
    for deb in "$packages"/cache/archives/golang-*.deb; do dpkg-deb -x "$deb" "$packages/root"; done
    dpkg-deb -f "$packages"/cache/archives/golang-k8s-client-go-dev_*.deb Version >"$packages/version"
    rm -rf "$packages/cache" "$packages/lists"
    touch "$packages/.unpacked"
fi

say "compiling with client-go $(cat "$packages/version")"
go=$(find "$packages/root/usr/lib" -path '*/go-*/bin/go' | head -n 1)
mkdir -p "$done_dir.new"
unset GOFLAGS
env GOROOT="${go%/bin/go}" GOPATH="$packages/root/usr/share/gocode" GOCACHE="$packages/gocache" GO111MODULE=off GOTOOLCHAIN=local \
    CGO_ENABLED=0 "$go" build -ldflags "-s -w" -o "$done_dir.new/$program" "$source" >&2 9>&-
cp "$packages/version" "$done_dir.new/version"
rm -rf "$cache/$kept"-[0-9]*-*[0-9a-f] "$packages"
mv "$done_dir.new" "$done_dir"
echo "$done_dir/$program"
