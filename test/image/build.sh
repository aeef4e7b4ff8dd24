#!/usr/bin/env bash
# build.sh BUILDER IMAGE OPTION... - build the image with BUILDER; "": docker, podman or buildah, the first that works.
#
#   PLATFORMS   "": this machine's. Else a list, as linux/amd64,linux/arm64: one image for all of them. docker needs its buildx for that,
#               and pushes what it built to IMAGE's registry, or writes it to OUT, because it can keep images of one platform alone; podman and
#               buildah keep it, and push it with `manifest push --all IMAGE`.
#   OUT         with docker and several platforms: this archive (OCI) instead of the registry
#
# Who builds for another processor runs its compiler here, which the kernel has to know how to do (binfmt_misc, Debian: qemu-user-static).
set -euo pipefail

builder=$1 image=$2
shift 2
die() { echo "image: $*" >&2; exit 1; }

if [ -z "$builder" ]; then
    # docker is often there without its daemon.
    for name in docker podman buildah; do
        if command -v "$name" >/dev/null && "$name" info >/dev/null 2>&1; then
            builder=$name
            break
        fi
    done
fi
[ -n "$builder" ] || die "neither docker, podman nor buildah works here; make image-check tries everything but the base image without one"
[ -n "${PLATFORMS:-}" ] || exec "$builder" build "$@" -t "$image" .

# own ARCHITECTURE - it is this machine's, as uname or as images call it.
own() {
    local machine
    machine=$(uname -m)
    case $1 in
    amd64) [ "$machine" = x86_64 ] ;;
    arm64) [ "$machine" = aarch64 ] ;;
    *) [ "$machine" = "$1" ] ;;
    esac
}
# emulated ARCHITECTURE - the kernel starts programs of it with another one.
emulated() {
    local name=$1
    [ "$name" != amd64 ] || name=x86_64
    [ "$name" != arm64 ] || name=aarch64
    grep -qx enabled "${BINFMT:-/proc/sys/fs/binfmt_misc}/qemu-$name" 2>/dev/null
}
# platform_works PLATFORM - or why not, and what to do.
platform_works() {
    local architecture=${1#linux/}
    [[ $1 == linux/* ]] || die "\"$1\" is no platform of zen-lead's: linux/amd64, linux/arm64"
    own "${architecture%%/*}" || emulated "${architecture%%/*}" ||
        die "this machine cannot run programs of $1, and building for it does: install qemu-user-static (binfmt), build on a machine of that kind, or leave it out of PLATFORMS"
}

if [ "$(basename "$builder")" = docker ]; then
    # It may have builders elsewhere, so buildx is asked, not this kernel.
    known=$("$builder" buildx inspect --bootstrap 2>/dev/null | sed -n 's/^Platforms: *//p' | tr -d ' *') || known=
    [ -n "$known" ] ||
        die "docker builds for several platforms with buildx, which is not there: install docker-buildx, or take BUILDER=podman or BUILDER=buildah"
    for platform in ${PLATFORMS//,/ }; do
        [[ ",$known," == *",$platform,"* ]] ||
            die "docker's builder does not build for $platform (but for $known): install qemu-user-static (binfmt), add a builder of that kind (docker buildx create --append), or leave it out of PLATFORMS"
    done
    output=(--push)
    [ -z "${OUT:-}" ] || output=(--output "type=oci,dest=$OUT")
    exec "$builder" buildx build --platform "$PLATFORMS" "${output[@]}" "$@" -t "$image" .
fi
for platform in ${PLATFORMS//,/ }; do platform_works "$platform"; done
exec "$builder" build --platform "$PLATFORMS" "$@" --manifest "$image" .
