# syntax=docker/dockerfile:1
# One image with zen-lead-webhook, zen-lead-controller and zen-lead-certs: no shell, no package manager, not root.
#
#   docker build -t kube-zen/zen-lead:0.3.0 .

FROM debian:bookworm-slim AS build
RUN apt-get update && apt-get install --yes --no-install-recommends \
        gcc libc6-dev make pkg-config \
        libmicrohttpd-dev libgnutls28-dev libcurl4-openssl-dev libcjson-dev libyaml-dev libssl-dev uthash-dev
WORKDIR /src
COPY . .
ARG VERSION=0.3.0
RUN make VERSION="$VERSION" \
        build/bin/zen-lead-webhook build/bin/zen-lead-controller build/bin/zen-lead-certs

# The programs with every library that they load (libmicrohttpd, libcurl, libcjson, libyaml, libssl and what those
# need), the loader among them, at the paths where they stood. libnss_* are what getaddrinfo() loads by name.
RUN mkdir -p /rootfs/usr/bin /rootfs/etc && \
    cp build/bin/zen-lead-* /rootfs/usr/bin/ && \
    for file in $(ldd build/bin/zen-lead-* | grep -o '/[^ :)]*' | grep '\.so' | sort -u) \
                /lib/*-linux-gnu/libnss_files.so.2 /lib/*-linux-gnu/libnss_dns.so.2; do \
        cp --dereference --parents "$file" /rootfs/; \
    done && \
    echo 'zen-lead:x:65534:65534::/:/usr/sbin/nologin' >/rootfs/etc/passwd && \
    echo 'zen-lead:x:65534:' >/rootfs/etc/group && \
    echo 'hosts: files dns' >/rootfs/etc/nsswitch.conf && \
    /rootfs/usr/bin/zen-lead-certs --version

FROM scratch
COPY --from=build /rootfs /
USER 65534:65534
CMD ["zen-lead-controller"]
