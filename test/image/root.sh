#!/usr/bin/env bash
# root.sh FOLDER ROOT [PROGRAM...] - what the image holds, written into the new folder ROOT: the programs of FOLDER (zen-lead's, or those
# that are named) without debugging information, every library that they load, and who "zen-lead" is. The Dockerfile runs this; so do
# check.sh and test/node.
#
# SOURCE_DATE_EPOCH dates the files; without it they keep the hour.
set -euo pipefail

bin=$1 root=$2
shift 2
[ $# -gt 0 ] || set -- zen-lead-webhook zen-lead-controller zen-lead-certs zen-lead
if [ -z "$root" ] || [ -e "$root" ]; then
    echo "root.sh: ROOT must name a folder that does not exist yet" >&2
    exit 2
fi
mkdir -p "$root/usr/bin" "$root/etc"
for program in "$@"; do
    strip --strip-unneeded -o "$root/usr/bin/$program" "$bin/$program"
done

# At the paths where they stand, the loader among them. libnss_* are what getaddrinfo() loads by name before glibc 2.34.
libraries=$(ldd "$root"/usr/bin/* | grep -o '/[^ :)]*\.so[^ :)]*' | sort -u)
for file in $libraries /lib/*-linux-gnu/libnss_files.so.2 /lib/*-linux-gnu/libnss_dns.so.2; do
    cp --dereference --parents "$file" "$root/"
done

echo 'zen-lead:x:65534:65534::/:/usr/sbin/nologin' >"$root/etc/passwd"
echo 'zen-lead:x:65534:' >"$root/etc/group"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
chmod -R u=rwX,go=rX "$root"
if [ -n "${SOURCE_DATE_EPOCH:-}" ]; then
    find "$root" -exec touch --no-dereference --date "@$SOURCE_DATE_EPOCH" {} +
fi
