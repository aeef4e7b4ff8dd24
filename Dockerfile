# syntax=docker/dockerfile:1
# One image with zen-lead-webhook, zen-lead-controller, zen-lead-certs and zen-lead: no shell, no package manager, not root.
#
#   make image                        with docker, podman or buildah, whichever is there; PLATFORMS=linux/amd64,linux/arm64
#   docker build -t kube-zen/zen-lead:0.3.0 .
#
# The same sources give the same programs wherever they are built (make image-check shows it). The same image, byte for byte, takes
# the same packages and dates as well:
#
#   SOURCE_DATE_EPOCH=$(git log -1 --format=%ct) docker buildx build \
#       --build-arg BASE=debian:bookworm-slim@sha256:... \
#       --build-arg SNAPSHOT=... \
#       --output type=oci,dest=zen-lead.tar,rewrite-timestamp=true .

# BASE: with a digest, the same base whenever it is built.
ARG BASE=debian:bookworm-slim
FROM ${BASE} AS build
# SNAPSHOT: the address of an archive of Debian's packages as they were on one day, instead of today's.
ARG SNAPSHOT=
RUN if [ -n "$SNAPSHOT" ]; then \
        rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*; \
        echo "deb [check-valid-until=no] $SNAPSHOT bookworm main" >/etc/apt/sources.list; \
    fi; \
    apt-get update && apt-get install --yes --no-install-recommends \
        gcc libc6-dev make pkg-config \
        libmicrohttpd-dev libgnutls28-dev libcurl4-openssl-dev libcjson-dev libyaml-dev libssl-dev uthash-dev
WORKDIR /src
COPY . .
ARG VERSION=0.3.0
# .git is not among what is copied.
ARG COMMIT=unknown
# Set by the builder from its environment; dates what is copied.
ARG SOURCE_DATE_EPOCH
# The programs, every library that they load, and the name of the user: see test/image/root.sh.
RUN make VERSION="$VERSION" COMMIT="$COMMIT" ROOT=/rootfs image-root && \
    /rootfs/usr/bin/zen-lead-certs --version

FROM scratch
COPY --from=build /rootfs /
USER 65534:65534
CMD ["zen-lead-controller"]
