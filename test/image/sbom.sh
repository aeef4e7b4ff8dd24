#!/usr/bin/env bash
# sbom.sh ROOT FILE - what the image with this root folder (root.sh) is made of, as CycloneDX 1.5: zen-lead's programs, and the Debian
# packages of all else in it, as dpkg knows them on the machine that built it, with the files that come from each. uthash is a
# header: it is in the programs themselves.
#
# The same root on the same packages gives the same file; SOURCE_DATE_EPOCH dates it. Fails when a file is of no package.
set -euo pipefail
cd "$(dirname "$0")/../.."
bash test/controlplane/packages.sh jq

root=$1 out=$2
version=$(sed -n 's/^VERSION ?= //p' Makefile)
# shellcheck source=/dev/null
distribution=$(. /etc/os-release && echo "$ID-${VERSION_ID:-rolling}")

# package_of PATH - dpkg knows a file by the path with which it was unpacked; /lib may have become a link to /usr/lib since.
package_of() {
    local path
    for path in "$1" "/usr$1" "${1#/usr}" "$(realpath "$1")"; do
        dpkg-query --search "$path" 2>/dev/null | sed -n '1s/, .*\|: .*//p' | grep . && return 0
    done
    echo "sbom: $1 is of no package" >&2
    return 1
}

# component PACKAGE FILE... - of Debian
component() {
    local package=$1
    shift
    dpkg-query --show --showformat '${Package}\t${Version}\t${Architecture}\t${source:Package}\t${source:Version}\t${Homepage}\n' "$package" |
        jq -R --arg distribution "$distribution" '
            split("\t") as [$name, $version, $architecture, $source, $source_version, $home] |
            ("pkg:deb/" + ($distribution | split("-")[0]) + "/" + $name + "@" + ($version | @uri) + "?arch=" + $architecture + "&distro=" + $distribution) as $purl |
            {type: "library", "bom-ref": $purl, name: $name, version: $version, purl: $purl,
             externalReferences: (if $home == "" then [] else [{type: "website", url: $home}] end),
             properties: ([{name: "source", value: ($source + " " + $source_version)}] + [$ARGS.positional[] | {name: "file", value: .}])}' --args "$@"
}

program() { # FILE
    jq -n --arg name "$(basename "$1")" --arg version "$version" --arg hash "$(sha256sum "$1" | cut -d ' ' -f 1)" \
        '{type: "application", "bom-ref": $name, name: $name, version: $version, licenses: [{license: {id: "Apache-2.0"}}], hashes: [{alg: "SHA-256", content: $hash}]}'
}

declare -A files=([uthash-dev]="")
while read -r file; do
    package=$(package_of "$file")
    files[$package]+=" $file"
done < <(cd "$root" && find . -type f -name '*.so*' | sed 's|^\.||' | sort)
{
    for file in "$root"/usr/bin/*; do program "$file"; done
    for package in "${!files[@]}"; do
        read -ra of_package <<<"${files[$package]}"
        component "$package" "${of_package[@]}"
    done
} | jq -s --arg version "$version" --arg date "${SOURCE_DATE_EPOCH:+$(date -u -d "@$SOURCE_DATE_EPOCH" +%FT%TZ)}" '
    {bomFormat: "CycloneDX", specVersion: "1.5", version: 1,
     metadata: ({component: {type: "container", "bom-ref": "image", name: "zen-lead", version: $version}} + if $date == "" then {} else {timestamp: $date} end),
     components: sort_by(."bom-ref"),
     dependencies: [{ref: "image", dependsOn: [.[]."bom-ref"] | sort}]}' >"$out"
echo "sbom: $(jq -r '[.components[] | .type] | group_by(.) | map("\(length) \(.[0])") | join(", ")' "$out") in $out"
