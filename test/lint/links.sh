#!/usr/bin/env bash
# links.sh - every relative link in our Markdown leads to a file that exists.
set -euo pipefail
cd "$(dirname "$0")/../.."
failures=0
while IFS=: read -r file link; do
    target=$(dirname "$file")/${link%%#*}
    if [ ! -e "$target" ]; then
        echo "$file: link to $link leads nowhere" >&2
        failures=1
    fi
done < <(git ls-files --cached --others --exclude-standard '*.md' | xargs grep -oHE '\]\([^)]+\)' |
    sed -E 's/\]\(([^)]+)\)$/\1/' | grep -vE ':(https?:|#|mailto:)')
exit $failures
