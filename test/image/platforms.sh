#!/usr/bin/env bash
# platforms.sh - what test/image/build.sh asks of a builder for one platform and for several, and what it says where that cannot be. The builders are
# shell scripts that write down what they are asked; no image is built.
# shellcheck disable=SC2317,SC2016 # the functions are called by check; the builders' own words
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=test/check.bash
. test/check.bash

mkdir "$work/bin" "$work/binfmt"
# builder NAME WORDS - a program of that name.
builder() { printf '#!/bin/sh\n%s\necho "$(basename "$0") $*" >>"%s"\n' "$2" "$work/asked" >"$work/bin/$1" && chmod +x "$work/bin/$1"; }
builder podman '[ "$1" != info ] || exit 0'
builder docker '[ "$1" != info ] || exit 1
[ "$*" != "buildx inspect --bootstrap" ] || { printf "%s" "${BUILDX:-}"; [ -n "${BUILDX:-}" ]; exit; }'

# asks WORDS NAME=VALUE... - with these variables the builder is asked for that, and for nothing else.
asks() {
    local words=$1
    shift
    rm -f "$work/asked"
    env PATH="$work/bin:/usr/bin:/bin" BINFMT="$work/binfmt" "$@" bash test/image/build.sh "${BUILDER:-}" registry.example/zl:1 --build-arg A=b || return 1
    diff <(echo "$words") "$work/asked"
}
# says TEXT NAME=VALUE... - it says so, and asks for nothing.
says() {
    local text=$1
    shift
    rm -f "$work/asked"
    ! env PATH="$work/bin:/usr/bin:/bin" BINFMT="$work/binfmt" "$@" bash test/image/build.sh "${BUILDER:-}" registry.example/zl:1 2>"$work/said" || return 1
    [ ! -e "$work/asked" ] || return 1
    grep -qF -- "$text" "$work/said" || { cat "$work/said" && return 1; }
}
with_builder() { BUILDER=$1 "${@:2}"; }
own=amd64 other=arm64 emulator=qemu-aarch64
[ "$(uname -m)" != aarch64 ] || { own=arm64 other=amd64 emulator=qemu-x86_64; }
both=linux/$own,linux/$other

check "this machine's platform, by the first builder that works" asks "podman build --build-arg A=b -t registry.example/zl:1 ." PLATFORMS=
check "no builder at all" with_builder "" env -i bash -c 'PATH=/nonexistent /bin/bash test/image/build.sh "" x 2>&1 | /bin/grep -q "neither docker, podman nor buildah"'
check "another processor that this machine cannot run" says "this machine cannot run programs of linux/$other" PLATFORMS="$both"
check "another system" says "is no platform of zen-lead's" PLATFORMS=windows/amd64
printf 'enabled\ninterpreter /usr/bin/qemu\n' >"$work/binfmt/$emulator"
check "... and that it can: one manifest for both" asks "podman build --platform $both --build-arg A=b --manifest registry.example/zl:1 ." PLATFORMS="$both"
check "docker without buildx" with_builder docker says "install docker-buildx" PLATFORMS="$both"
check "docker whose builder lacks a platform" with_builder docker says "does not build for linux/$other (but for linux/$own)" PLATFORMS="$both" \
    BUILDX="Platforms: linux/$own"
check "docker pushes several" with_builder docker asks \
    "docker buildx build --platform $both --push --build-arg A=b -t registry.example/zl:1 ." PLATFORMS="$both" BUILDX="Platforms: linux/$own*, linux/$other"
check "or writes them to an archive" with_builder docker asks \
    "docker buildx build --platform $both --output type=oci,dest=zl.tar --build-arg A=b -t registry.example/zl:1 ." \
    PLATFORMS="$both" OUT=zl.tar BUILDX="Platforms: linux/$own*, linux/$other"
exit $failures
