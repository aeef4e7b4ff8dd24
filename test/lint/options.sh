#!/usr/bin/env bash
# options.sh FOLDER - docs/options.md, printed from the option tables of the programs in FOLDER.
set -euo pipefail
echo "# Options"
echo
echo "Written by \`make docs\` from the programs. The command line wins over the environment."
for program in zen-lead-webhook zen-lead-controller zen-lead-certs; do
    printf '\n## %s\n\n' "$program"
    "$1/$program" --help-markdown
done
printf '\n## zen-lead\n\n'
"$1/zen-lead" --help-markdown
