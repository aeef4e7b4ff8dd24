#!/usr/bin/env bash
# packages.sh PACKAGE... - install the Debian/Ubuntu packages that are missing, and only those.
#
# Exits 0 without touching apt when everything is there. Where it cannot install, it prints the one
# command that a person has to run.
set -euo pipefail

missing=()
for package in "$@"; do
    status=$(dpkg-query -W -f '${Status}' "$package" 2>/dev/null || true)
    [ "$status" = "install ok installed" ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

# The control plane is built in the background while checks install what they need: one at a time.
exec 8>"${TMPDIR:-/tmp}/zen-lead-packages.$(id -u).lock"
flock 8

cure="apt-get install ${missing[*]}"
if ! command -v apt-get >/dev/null; then
    echo "zen-lead: missing packages: ${missing[*]}" >&2
    echo "zen-lead: this machine has no apt-get; install the equivalents by hand and run again" >&2
    exit 1
fi
sudo=()
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "zen-lead: missing packages and no way to become root; ask an administrator to run: $cure" >&2
        exit 1
    fi
    sudo=(sudo)
fi

echo "zen-lead: installing ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
if ! apt-cache show "${missing[@]}" >/dev/null 2>&1; then
    "${sudo[@]}" apt-get update -qq >&2
fi
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! "${sudo[@]}" apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 \
    "${missing[@]}" >"$log" 2>&1; then
    tail -n 30 "$log" >&2
    echo "zen-lead: could not install them; run this by hand and look at its errors: $cure" >&2
    exit 1
fi
