#!/usr/bin/env bash
# build.sh - make a folder with etcd, kube-apiserver, kube-controller-manager and kubectl, and print its path. kube-scheduler,
# kubelet and kube-proxy, for test/node, are in it as well, unless KUBEBUILDER_ASSETS has none.
#
# KUBEBUILDER_ASSETS set: that folder is checked and used. Otherwise the binaries come from Debian
# bookworm: etcd from its binary package (unpacked, not installed: no daemon is started on this
# machine), Kubernetes 1.20.2 built from its source package. The result is kept in
# ${XDG_CACHE_HOME:-~/.cache}/zen-lead; an interrupted build continues where it stopped.
#
# Progress goes to standard error, the path alone to standard output.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
version=1.20.2
recipe=3 # raise it when the way of building changes: what an older recipe left in the cache is not used
binaries="kube-apiserver kube-controller-manager"
node_binaries="kube-scheduler kubelet kube-proxy" # they share what they are made of with the others: no minute more

say() { echo "control plane: $*" >&2; }
die() { say "$*"; exit 1; }

if [ -n "${KUBEBUILDER_ASSETS:-}" ]; then
    for name in etcd $binaries; do
        [ -x "$KUBEBUILDER_ASSETS/$name" ] ||
            die "KUBEBUILDER_ASSETS=$KUBEBUILDER_ASSETS has no executable $name; add it or unset the variable"
    done
    echo "$KUBEBUILDER_ASSETS"
    exit 0
fi

cache=${XDG_CACHE_HOME:-$HOME/.cache}/zen-lead
done_dir=$cache/controlplane-$version-$recipe
[ -x "$done_dir/kube-controller-manager" ] && [ -x "$done_dir/kubectl" ] && { echo "$done_dir"; exit 0; }

mkdir -p "$cache"
exec 9>"$cache/controlplane.lock"
flock -n 9 || { say "another build is running, waiting for it"; flock 9; }
[ -x "$done_dir/kube-controller-manager" ] && [ -x "$done_dir/kubectl" ] && { echo "$done_dir"; exit 0; }

work=$done_dir.work
mkdir -p "$work/bin" "$work/tmp"
started=$(date +%s)
say "first run: building Kubernetes $version from Debian's source package (5 to 8 minutes on 2 cores, once)"
bash "$here/packages.sh" golang-1.19-go rsync jq make dpkg-dev ca-certificates

# shellcheck source=test/controlplane/archive.bash
. "$here/archive.bash"
archive_open bookworm "$work" || die "set KUBEBUILDER_ASSETS to a folder with etcd, $binaries"

if [ ! -e "$work/.downloaded" ]; then
    say "downloading (about 60 MB)"
    "${apt[@]}" update >&2
    (cd "$work" && "${apt[@]}" source --download-only kubernetes && "${apt[@]}" download etcd-server kubernetes-client golang-github-modern-go-reflect2-dev) >&2
    touch "$work/.downloaded"
fi

if [ ! -e "$work/.unpacked" ]; then
    say "unpacking"
    rm -rf "$work/src" "$work/deb"
    dpkg-source --no-check -x "$work"/kubernetes_*.dsc "$work/src" >&2
    for deb in "$work"/*.deb; do dpkg-deb -x "$deb" "$work/deb"; done
    # The vendored reflect2 1.0.1 walks maps as Go did before 1.18: built with 1.19, the API server dies of a
    # memory fault at some custom resource. Debian's reflect2 1.0.2 knows both.
    reflect2=$work/src/vendor/github.com/modern-go/reflect2
    rm -f "$reflect2"/*.go "$reflect2"/*.s
    cp "$work"/deb/usr/share/gocode/src/github.com/modern-go/reflect2/*.{go,s} "$reflect2/"
    rm -f "$reflect2"/*_test.go
    touch "$work/.unpacked"
fi

# Go 1.19 cannot build this tree in module mode, so it is linked into a GOPATH.
mkdir -p "$work/go/src/k8s.io"
ln -sfn "$work/src" "$work/go/src/k8s.io/kubernetes"
cat >"$work/version" <<VERSION
KUBE_GIT_COMMIT='0'
KUBE_GIT_TREE_STATE='archive'
KUBE_GIT_VERSION='v$version'
KUBE_GIT_MAJOR='1'
KUBE_GIT_MINOR='20'
VERSION

say "compiling $binaries $node_binaries"
(
    while sleep 20; do
        say "still compiling: $(($(date +%s) - started)) s of about 400," \
            "$(find "$work/src/_output/local/go/cache" -type f 2>/dev/null | wc -l) objects so far"
    done
) &
ticker=$!
trap 'kill "$ticker" 2>/dev/null || true' EXIT
trap 'exit 130' INT TERM
unset GOFLAGS
what=""
for name in $binaries $node_binaries; do what="$what cmd/$name"; done
if ! (cd "$work/go/src/k8s.io/kubernetes" &&
    env PATH="/usr/lib/go-1.19/bin:$PATH" GOROOT=/usr/lib/go-1.19 GOPATH="$work/go" GO111MODULE=off CGO_ENABLED=0 \
        TMPDIR="$work/tmp" KUBE_GIT_VERSION_FILE="$work/version" \
        make WHAT="${what# }" GOLDFLAGS="-s -w") >"$work/build.log" 2>&1 9>&-; then
    tail -n 20 "$work/build.log" >&2
    die "the build failed; the whole log is $work/build.log, and a new run continues from here"
fi
kill "$ticker" 2>/dev/null || true

for name in $binaries $node_binaries; do
    cp "$(find "$work/src/_output" -type f -path "*/bin/*" -name "$name" | head -n 1)" "$work/bin/"
done
cp "$work/deb/usr/bin/etcd" "$work/deb/usr/bin/kubectl" "$work/bin/"
mv "$work/bin" "$done_dir"
chmod -R u+w "$work" && rm -rf "$work"
say "built in $(($(date +%s) - started)) s: $done_dir"
echo "$done_dir"
