#!/usr/bin/env bash
# doctor.sh FOLDER - docs/troubleshooting.md has a line for each check of FOLDER/zen-lead doctor, with its words, and no other.
set -euo pipefail
cd "$(dirname "$0")/../.."
wanted=$("$1/zen-lead" doctor --list | sed -E 's/^(ZL[0-9]+)  .{12}  (.*)$/\1 \2/')
page=$(sed -nE 's/^\| <a id="zl[0-9]+"><\/a>(ZL[0-9]+) \| [^:]*: (.*) \| .* \|$/\1 \2/p' docs/troubleshooting.md)
[ "$(wc -l <<<"$wanted")" -gt 20 ] || { echo "doctor.sh: found no checks" >&2; exit 1; }
diff <(echo "$wanted") <(echo "$page") || { echo "docs/troubleshooting.md and zen-lead doctor --list differ (< program, > page)" >&2; exit 1; }
