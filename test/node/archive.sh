#!/usr/bin/env bash
# archive.sh OUT REFERENCE ROOT CONFIG - write an image archive, which `ctr images import` takes, of one layer: the folder ROOT.
# CONFIG is JSON as in the image specification, for example {"Entrypoint": ["/usr/bin/x"], "User": "65534:65534"}.
set -euo pipefail

out=$1 reference=$2 root=$3 config=$4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tar --sort=name --numeric-owner --owner 0 --group 0 -C "$root" -cf "$work/layer.tar" .
digest=$(sha256sum "$work/layer.tar" | cut -d ' ' -f 1)
jq -nc --argjson config "$config" --arg digest "sha256:$digest" \
    '{architecture: "amd64", os: "linux", config: ({Env: ["PATH=/usr/local/bin:/usr/bin:/bin"]} + $config),
      rootfs: {type: "layers", diff_ids: [$digest]}, history: [{created_by: "archive.sh"}]}' >"$work/config.json"
jq -nc --arg reference "$reference" '[{Config: "config.json", RepoTags: [$reference], Layers: ["layer.tar"]}]' >"$work/manifest.json"
tar -C "$work" -cf "$out" manifest.json config.json layer.tar
