#!/usr/bin/env bash
# build.sh BUILDER OPTION... - build the image with BUILDER; "": docker, podman or buildah, the first that works.
set -euo pipefail

builder=$1
shift
if [ -z "$builder" ]; then
    # docker is often there without its daemon.
    for name in docker podman buildah; do
        if command -v "$name" >/dev/null && "$name" info >/dev/null 2>&1; then
            builder=$name
            break
        fi
    done
fi
if [ -z "$builder" ]; then
    echo "neither docker, podman nor buildah works here; make image-check tries everything but the base image without one" >&2
    exit 1
fi
exec "$builder" build "$@"
