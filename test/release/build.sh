#!/usr/bin/env bash
# build.sh BIN OUT - what a release consists of, written into the new folder OUT, from the programs in BIN. `make release` runs it.
#
#   zen-lead-VERSION.tar.gz               the sources of the commit
#   zen-lead-VERSION-linux-ARCH.tar.gz    what make install puts into /usr/local
#   zen-lead-VERSION.tgz                  the Helm chart
#   install-OVERLAY.yaml                  each overlay, in one file for kubectl apply -f; and what can be applied beside it
#   zen-lead-VERSION.cdx.json             the image's bill of materials
#   CHANGES.md                            the entry of CHANGELOG.md
#   SHA256SUMS                            of all of them
#
# The same commit on the same machine gives the same files: names are sorted, owners are 0, dates are SOURCE_DATE_EPOCH, which is the
# commit's when it is not set. VERSION has to be the one of Makefile, chart and manifests, and to have an entry in CHANGELOG.md.
# IMAGE=registry/name:tag stands in the manifests instead of the shipped one. DIRTY=1 allows files that were changed since the commit:
# they are not among the sources then. CHANGELOG names another file of changes.
set -euo pipefail
bin=$(realpath "$1") out=$2
cd "$(dirname "$0")/../.."
die() { echo "release: $*" >&2; exit 1; }

version=${VERSION:-$(sed -n 's/^VERSION ?= //p' Makefile)}
is_version_of() { [ "$2" = "$version" ] || die "$1 says version \"$2\", not $version: make them one"; }
is_version_of Makefile "$(sed -n 's/^VERSION ?= //p' Makefile)"
is_version_of manifests/chart/Chart.yaml "$(sed -n 's/^version: //p' manifests/chart/Chart.yaml)"
is_version_of manifests/base "$(sed -n 's/.*image: kube-zen\/zen-lead://p' manifests/base/controller-deployment.yaml)"
is_version_of "zen-lead --version" "$("$bin/zen-lead" --version | cut -d ' ' -f 2)"
changes=$(awk -v head="## $version" '/^## / { here = ($0 == head || index($0, head " ") == 1); next } here' "${CHANGELOG:-CHANGELOG.md}")
grep -q '[^ ]' <<<"$changes" || die "CHANGELOG.md has no entry \"## $version\": say what is new"

git rev-parse --verify --quiet HEAD >/dev/null || die "this is no checkout: the sources of a release are a commit's"
[ -n "${DIRTY:-}" ] || [ -z "$(git status --porcelain)" ] || die "files were changed since the commit: commit them, or DIRTY=1"
[ ! -e "$out" ] || die "$out is there already: remove it, or name another folder by OUT="
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
umask 022
mkdir -p "$out"
out=$(realpath "$out")
mkdir -p build
work=$(mktemp -d build/release.XXXXXX) # in this tree, because kustomize takes relative folders alone
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP

# archive FILE FOLDER NAME - FOLDER as NAME.
archive() {
    tar --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" --mode='u=rwX,go=rX' --format=gnu \
        --transform "s,^\./\?,$3/," -C "$2" -cf - . | gzip -9n >"$out/$1"
}

git archive --format=tar --prefix="zen-lead-$version/" HEAD | gzip -9n >"$out/zen-lead-$version.tar.gz"

make --no-print-directory install DESTDIR="$(realpath "$work")/installed" PREFIX=/usr/local >"$work/log" || { cat "$work/log" >&2; exit 1; }
cp LICENSE CHANGELOG.md "$work/installed/usr/local/"
archive "zen-lead-$version-linux-$(uname -m).tar.gz" "$work/installed/usr/local" "zen-lead-$version"

archive "zen-lead-$version.tgz" manifests/chart zen-lead

kubectl=${KUBECTL:-}
for found in "${KUBEBUILDER_ASSETS:-/nonexistent}"/kubectl "${XDG_CACHE_HOME:-$HOME/.cache}"/zen-lead/controlplane-*/kubectl "$(type -P kubectl || true)"; do
    [ -n "$kubectl" ] || [ ! -x "$found" ] || kubectl=$found
done
[ -n "$kubectl" ] || die "no kubectl found: install one, or name it in KUBECTL"
# installation FOLDER - of manifests/, in one file.
installation() {
    local image=${IMAGE:-kube-zen/zen-lead:$version} folder=$work/${1//\//-}
    mkdir -p "$folder"
    printf 'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nbases:\n  - ../../../manifests/%s\nimages:\n  - name: kube-zen/zen-lead\n    newName: %s\n    newTag: "%s"\n' \
        "$1" "${image%:*}" "${image##*:}" >"$folder/kustomization.yaml"
    { echo "# zen-lead $version: manifests/$1" && "$kubectl" kustomize "$folder" 2>"$work/said"; } >"$out/install-$(basename "$1").yaml" ||
        { cat "$work/said" >&2 && die "manifests/$1 does not render"; }
}
for overlay in manifests/overlays/*/; do installation "overlays/$(basename "$overlay")"; done
# self-signed is an overlay, and beside those for older Kubernetes.
mv "$out/install-self-signed.yaml" "$work/overlay"
installation self-signed && mv "$out/install-self-signed.yaml" "$out/install-beside-self-signed.yaml"
mv "$work/overlay" "$out/install-self-signed.yaml"
for beside in network-policy monitoring service-monitor; do
    installation "$beside" && mv "$out/install-$beside.yaml" "$out/install-beside-$beside.yaml"
done

for part in hub arbiter; do
    installation "fleet/$part" && mv "$out/install-$part.yaml" "$out/install-fleet-$part.yaml"
done
installation fleet/fleet-lock

bash test/image/root.sh "$bin" "$work/rootfs"
bash test/image/sbom.sh "$work/rootfs" "$out/zen-lead-$version.cdx.json"
echo "$changes" | sed '/./,$!d' >"$out/CHANGES.md"
# The sums' own file comes last: the shell makes what it writes to before the list of files is read, or after.
(cd "$out" && sha256sum ./*) | sed 's# \./# #' >"$work/sums"
mv "$work/sums" "$out/SHA256SUMS"
echo "release: zen-lead $version, $(git rev-parse --short=12 HEAD), $(find "$out" -type f | wc -l) files in $out"
