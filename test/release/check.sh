#!/usr/bin/env bash
# check.sh BIN - is a release, made from the programs in BIN, complete, usable and twice the same; and is one without an entry in CHANGELOG.md refused?
# shellcheck disable=SC2016,SC2317 # functions and words are called by check
set -euo pipefail
bin=$(realpath "$1")
cd "$(dirname "$0")/../.."
mkdir -p build
# shellcheck source=test/check.bash
. test/check.bash
version=$(sed -n 's/^VERSION ?= //p' Makefile)
export DIRTY=1
release() { bash test/release/build.sh "$bin" "$1"; }
refused() { # SAID COMMAND...
    local said=$1
    shift
    ! "$@" >"$work/said" 2>&1 && grep -F -- "$said" "$work/said" && [ ! -e "$work/refused" ]
}
# Under another mask, at another time.
again() { (umask 077 && sleep 1 && release "$work/two") && diff -r "$work/one" "$work/two"; }
programs_run() {
    mkdir "$work/programs" && tar -xzf "$work/one/zen-lead-$version-linux-$(uname -m).tar.gz" -C "$work/programs" || return 1
    local program
    for program in zen-lead zen-lead-webhook zen-lead-controller zen-lead-certs; do
        [ "$("$work/programs/zen-lead-$version/bin/$program" --version)" = "$("$bin/$program" --version)" ] || return 1
    done
    [ -s "$work/programs/zen-lead-$version/share/man/man8/zen-lead-webhook.8" ]
}
sources_are_there() { tar -tzf "$work/one/zen-lead-$version.tar.gz" | grep -x "zen-lead-$version/Makefile"; }
installs() { # FILE KIND...
    local kind
    for kind in "${@:2}"; do grep -qx "kind: $kind" "$work/one/$1" || { echo "$1 has no $kind" && return 1; }; done
    ! grep 'image: ' "$work/one/$1" | grep -v "image: kube-zen/zen-lead:$version$"
}
every_overlay() {
    local overlay
    for overlay in manifests/overlays/*/; do [ -s "$work/one/install-$(basename "$overlay").yaml" ] || { echo "none for $overlay" && return 1; }; done
}
image_of_mine() {
    IMAGE=registry.example:5000/zl:v9 release "$work/mine" &&
        [ "$(grep -h 'image: ' "$work"/mine/install-self-signed.yaml | sort -u | tr -d ' ')" = "image:registry.example:5000/zl:v9" ]
}
check "a release is made" release "$work/one"
check "twice it is the same, byte for byte" again
check "its checksums are right, and of every file" bash -c 'cd "$0" && sha256sum -c SHA256SUMS && [ "$(wc -l <SHA256SUMS)" = "$(($(ls | wc -l) - 1))" ]' "$work/one"
check "the sources are in it" sources_are_there
check "the programs run" programs_run
check "there is a file for every overlay" every_overlay
check "the one for self-signed has what it needs" installs install-self-signed.yaml CustomResourceDefinition Deployment ClusterRole ValidatingWebhookConfiguration Namespace
check "the one for routing only has no webhook" bash -c '! grep -x "kind: ValidatingWebhookConfiguration" "$0"' "$work/one/install-routing-only.yaml"
check "an image of mine stands in all of them" image_of_mine
check "the bill of materials is JSON" jq -e '.components | length > 20' "$work/one/zen-lead-$version.cdx.json"
check "what is new is said" grep -q . "$work/one/CHANGES.md"
check "a folder that is there is not overwritten" refused "is there already" release "$work/one"
check "another version than the Makefile's is refused" refused "make them one" env VERSION=9.9.9 bash test/release/build.sh "$bin" "$work/refused"
sed "s/^## $version\$/## 0.0.1/" CHANGELOG.md >"$work/changelog"
check "a version without an entry in CHANGELOG.md is refused" refused "CHANGELOG.md has no entry" \
    env CHANGELOG="$work/changelog" bash test/release/build.sh "$bin" "$work/refused"
status=0
helm=$(bash test/controlplane/helm.sh 3 2>/dev/null) || status=$?
if [ "$status" -eq 0 ]; then
    check "helm takes the chart" "$helm" lint --strict "$work/one/zen-lead-$version.tgz"
    check "and renders it as the folder's" diff <("$helm" template a "$work/one/zen-lead-$version.tgz") <("$helm" template a manifests/chart)
else
    echo "skipped: helm cannot be had on this machine, so nobody looked at the chart's package"
fi
exit $failures
