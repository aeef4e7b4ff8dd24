#!/usr/bin/env bash
# tidy.sh FILE FLAG... - clang-tidy of one source file, unless it was already clean with all that it includes, these flags, these checks and
# this version of clang-tidy. What was clean is remembered in ${XDG_CACHE_HOME:-~/.cache}/zen-lead/tidy, for every checkout.
set -euo pipefail

file=$1
shift
cache=${XDG_CACHE_HOME:-$HOME/.cache}/zen-lead/tidy
# The texts and not what the preprocessor makes of them: NOLINT stands in a comment.
included=$("${CC:-cc}" -MM "$@" "$file" | tr ' ' '\n' | grep -E '\.[ch]$' | sort -u)
key=$({ clang-tidy --version && echo "$file $*" && xargs cat .clang-tidy <<<"$included"; } | sha256sum | cut -d ' ' -f 1)
[ ! -e "$cache/$key" ] || exit 0
echo "  TIDY $file"
clang-tidy --quiet "$file" -- "$@" 2>/dev/null
mkdir -p "$cache"
touch "$cache/$key"
