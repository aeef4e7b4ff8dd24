#!/usr/bin/env bash
# build.sh - make a folder with apiextensions-apiserver, etcd and kubectl of the newest Kubernetes that Debian has, and print its path.
#
# Debian unstable has the libraries that kube-apiserver is made of, its server of custom resources among them, but neither
# kube-apiserver nor kube-controller-manager. The packages are unpacked, not installed: about 450 MB to download and 3 GB to
# unpack, which are removed again. The result is kept in ${XDG_CACHE_HOME:-~/.cache}/zen-lead; remove it there for a newer one.
#
# Progress goes to standard error, the path alone to standard output.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/zen-lead
done_dir=$cache/newest
work=$done_dir.work

say() { echo "newest Kubernetes: $*" >&2; }
die() { say "$*"; exit 1; }

mkdir -p "$cache"
exec 9>"$done_dir.lock"
flock -n 9 || { say "another build is running, waiting for it"; flock 9; }
[ -x "$done_dir/apiextensions-apiserver" ] && { echo "$done_dir"; exit 0; }
bash "$here/../controlplane/packages.sh" dpkg-dev ca-certificates

# shellcheck source=test/controlplane/archive.bash
. "$here/../controlplane/archive.bash"
mkdir -p "$work/bin"
archive_open sid "$work" || exit 1

if [ ! -e "$work/.downloaded" ]; then
    say "downloading (about 450 MB)"
    "${apt[@]}" update >&2
    "${apt[@]}" install --download-only golang-go golang-k8s-apiextensions-apiserver-dev etcd-server kubernetes-client >"$work/apt.log" 2>&1 ||
        { tail -n 20 "$work/apt.log" >&2; die "could not download them"; }
    touch "$work/.downloaded"
fi

say "unpacking"
for deb in "$work"/cache/archives/*.deb; do dpkg-deb -x "$deb" "$work/unpacked"; done
libraries=$work/unpacked/usr/share/gocode/src
version=$(dpkg-deb -f "$work"/cache/archives/golang-k8s-apiextensions-apiserver-dev_*.deb Version)

say "compiling apiextensions-apiserver $version (5 minutes on 2 cores)"
unset GOFLAGS
env GOROOT="$work/unpacked/usr/lib/go" GOPATH="${libraries%/src}" GOCACHE="$work/gocache" GO111MODULE=off CGO_ENABLED=0 \
    "$work/unpacked/usr/lib/go/bin/go" build -ldflags "-s -w" -o "$work/bin/apiextensions-apiserver" k8s.io/apiextensions-apiserver >&2 9>&-
cp "$work/unpacked/usr/bin/etcd" "$work/unpacked/usr/bin/kubectl" "$work/bin/"
echo "$version" >"$work/bin/version"
mv "$work/bin" "$done_dir"
chmod -R u+w "$work" && rm -rf "$work"
echo "$done_dir"
