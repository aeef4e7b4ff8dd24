#!/usr/bin/env bash
# check.sh FOLDER - what can be known of the image without a container builder, with the programs in FOLDER.
#
# The one step that is not tried is fetching the base image. Everything else is done here as the Dockerfile does it: the
# same packages, the same build, the same root folder; and the programs run in that root with nothing beside it, as the
# image's user, with a root that cannot be written.
# shellcheck disable=SC2317 # the functions are called by check
set -euo pipefail

bin=$(realpath "$1")
cd "$(dirname "$0")/../.."
bash test/controlplane/packages.sh binutils util-linux openssl git make
# shellcheck source=test/check.bash
. test/check.bash

# in_root COMMAND... - with the root folder as "/", mounted read-only but for /tmp, as user 65534 (root of a user namespace where
# we are not root ourselves).
in_root() {
    local namespaces=(--mount) user=65534:65534
    [ "$(id -u)" -eq 0 ] || namespaces+=(--map-root-user) user=0:0
    # shellcheck disable=SC2016 # the inner shell's
    unshare "${namespaces[@]}" bash -c '
        root=$1 user=$2 && shift 2
        mount --bind "$root" "$root" && mount -o remount,bind,ro "$root" && mount -t tmpfs -o mode=1777 none "$root/tmp" &&
            exec env -i PATH=/usr/bin:/usr/sbin setpriv --no-new-privs chroot --userspec="$user" "$root" "$@"' bash "$work/rootfs" "$user" "$@"
}

# --- what it is made of

# The packages of a Debian system that builds it: those of the Makefile and the C library's headers.
dockerfile_packages() {
    sed -n '/apt-get install/,/[^\\]$/p' Dockerfile | tr -d '\134' | tr ' ' '\n' | grep -E '^[a-z0-9][a-z0-9+.-]+$' |
        grep -vxE 'apt-get|install|update|run' | sort
}
makefile_packages() { (sed -n 's/^PACKAGES := //p' Makefile | tr ' ' '\n' && echo libc6-dev) | sort; }
same_packages() { diff <(makefile_packages) <(dockerfile_packages); }

fresh_root() { SOURCE_DATE_EPOCH=1700000000 bash test/image/root.sh "$bin" "$work/rootfs"; }

same_sbom() {
    local n
    for n in 1 2; do SOURCE_DATE_EPOCH=1700000000 bash test/image/sbom.sh "$work/rootfs" "$work/sbom-$n.json" || return 1; done
    cmp "$work"/sbom-{1,2}.json && jq -e '.components | length > 20 and all(.[]; .version != "")' "$work/sbom-1.json"
}

# No shell, no package manager, nothing that runs as somebody else.
nothing_else() {
    local extra
    extra=$(cd "$work/rootfs" && find . -type f -not -path './usr/bin/zen-lead' -not -path './usr/bin/zen-lead-*' -not -name '*.so*' \
        -not -path './etc/passwd' -not -path './etc/group' -not -path './etc/nsswitch.conf')
    [ -z "$extra" ] || { echo "$extra" && return 1; }
    [ -z "$(find "$work/rootfs" -perm /7022 -type f)" ] || { find "$work/rootfs" -perm /7022 -type f && return 1; }
}

# Every library that any file of the root asks for is in the root.
complete() {
    local file wanted missing=0
    while read -r file; do
        for wanted in $(readelf -d "$file" 2>/dev/null | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'); do
            [ -n "$(find "$work/rootfs" -name "$wanted")" ] || { echo "${file#"$work/rootfs"} needs $wanted" && missing=1; }
        done
    done < <(find "$work/rootfs" -type f)
    return "$missing"
}

# Each library comes from a package, and each package comes with those that the Dockerfile names.
from_packages() {
    local file package
    (cd "$work/rootfs" && find . -name '*.so*' -type f | sed 's/^\.//') | while read -r file; do
        package=$({ dpkg -S "$file" || dpkg -S "/usr$file" || dpkg -S "$(realpath "$file")"; } 2>/dev/null | sed -n '1s/:.*//p')
        [ -n "$package" ] || { echo "$file is of no package" && return 1; }
        echo "$package"
    done | sort -u >"$work/used"
    # shellcheck disable=SC2046 # names of packages, none with a space
    apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances \
        $(dockerfile_packages) | sed -n 's/^[^ <].*/&/p' | sort -u >"$work/come"
    comm -23 "$work/used" "$work/come" >"$work/stray"
    if [ ! -s "$work/used" ] || [ -s "$work/stray" ]; then
        echo "not among what the Dockerfile installs:" && cat "$work/stray"
        return 1
    fi
}

# --- does it run?

runs() { in_root "/usr/bin/$1" --version; }

# OpenSSL with its random numbers and files: in a folder that is mounted, as nothing else can be written.
makes_certificates() {
    in_root /usr/bin/zen-lead-certs --out-dir /tmp/tls --ip 127.0.0.1 --dns-name localhost
}

# GnuTLS and libcurl's OpenSSL, DNS and all: they fail for want of a server, and say just that.
looks_names_up() {
    ! in_root /usr/bin/zen-lead-certs --kubeconfig /etc/kubeconfig --service a --namespace b --secret c >"$work/said" 2>&1 || return 1
    cat "$work/said"
    grep -qiE 'resolv|could not connect|refused|connection' "$work/said"
}

# --- is it the same elsewhere?

# The same sources in a folder of another name, length and time.
reproducible() {
    local there=$work/a/folder/of/quite/another/name
    mkdir -p "$there"
    git ls-files --cached --others --exclude-standard -z | xargs -0 cp --parents -t "$there"
    make -C "$there" --no-print-directory -j"$(nproc)" image-root ROOT="$work/again" COMMIT="$("$bin/zen-lead-certs" --version | sed 's/.*commit \(.*\))/\1/')" SOURCE_DATE_EPOCH=1700000000 >"$work/make.log" 2>&1 ||
        { tail -n 20 "$work/make.log" && return 1; }
    (cd "$work/rootfs" && tar --sort=name --numeric-owner -cf - usr etc lib* | sha256sum) >"$work/one"
    (cd "$work/again" && tar --sort=name --numeric-owner -cf - usr etc lib* | sha256sum) >"$work/two"
    diff "$work/one" "$work/two" || { diff -rq "$work/rootfs" "$work/again" || true; return 1; }
}

check "Dockerfile and Makefile name the same packages" same_packages
check "the root folder is made" fresh_root
check "it holds the programs, their libraries and three files, none of them writable or set-uid" nothing_else
check "every library that is needed is there" complete
check "each of them comes with the packages that the Dockerfile installs" from_packages
check "its SBOM names a package for every library, and twice is the same" same_sbom
check "the same sources elsewhere give the same root, byte for byte" reproducible
mkdir -p "$work/rootfs/tmp"
printf 'apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts: [{name: a, context: {cluster: a, user: a}}]\nclusters: [{name: a, cluster: {server: "https://nobody.invalid:1"}}]\nusers: [{name: a, user: {token: t}}]\n' >"$work/rootfs/etc/kubeconfig"
chmod a+r "$work/rootfs/etc/kubeconfig"
for program in zen-lead-webhook zen-lead-controller zen-lead-certs zen-lead; do check "$program runs in it" runs "$program"; done
check "zen-lead-certs makes certificates in it" makes_certificates
check "a name that cannot be looked up is what is wrong with a server of that name" looks_names_up
du -sh "$work/rootfs" | sed 's/\t.*/ in all/'
exit $failures
