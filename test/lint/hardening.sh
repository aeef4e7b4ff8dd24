#!/usr/bin/env bash
# hardening.sh FILE... - programs and shared libraries have what the Makefile asks for: position-independent code, relocations that are
# read-only and done at the start, a stack protector, FORTIFY, no executable stack, no segment that is writable and executable, no
# relocation in code, no path to libraries of the build machine.
#
# First it looks at a program that has none of it: a check that finds nothing there proves nothing.
set -euo pipefail

work=$(mktemp -d "${TMPDIR:-/tmp}/zen-lead-hardening.XXXXXX")
trap 'rm -rf "$work"' EXIT

# complaints FILE - one line for each thing that it lacks
complaints() {
    readelf --wide --file-header "$1" >"$work/header"
    readelf --wide --program-headers "$1" >"$work/segments"
    readelf --wide --dynamic "$1" >"$work/dynamic"
    readelf --wide --dyn-syms "$1" >"$work/symbols"
    grep -q 'Type: *DYN' "$work/header" || echo "is not position-independent (-fPIC, -pie)"
    grep -q GNU_RELRO "$work/segments" || echo "has no read-only relocations (-z relro)"
    grep -qE 'BIND_NOW|Flags:.* NOW' "$work/dynamic" || echo "binds symbols lazily (-z now)"
    grep -qE 'GNU_STACK.* RW ' "$work/segments" || echo "has an executable stack (-z noexecstack)"
    ! grep -qE 'LOAD.* RWE ' "$work/segments" || echo "has a segment that is writable and executable"
    ! grep -q TEXTREL "$work/dynamic" || echo "has relocations in its code"
    ! grep -qE 'RPATH|RUNPATH' "$work/dynamic" || echo "looks for libraries where the build machine had them (-rpath)"
    grep -q ' __stack_chk_fail@' "$work/symbols" || echo "has no stack protector (-fstack-protector-strong)"
    grep -qE ' __[a-z]+_chk@' "$work/symbols" || echo "has no checked copies (-D_FORTIFY_SOURCE)"
}

cat >"$work/soft.c" <<'SOFT'
#include <stdio.h>
int main(int argc, char **argv)
{
    char text[64];
    sprintf(text, "%s", argv[argc - 1]);
    return puts(text);
}
SOFT
"${CC:-cc}" -O1 -no-pie -fno-pie -fno-stack-protector -U_FORTIFY_SOURCE -Wl,-z,norelro,-z,lazy,-z,execstack,--enable-new-dtags,-rpath,"$work" \
    -o "$work/soft" "$work/soft.c" 2>/dev/null
found=$(complaints "$work/soft" | wc -l)
[ "$found" -eq 7 ] || { echo "hardening: of a program without any, $found things are said, not 7:" >&2; complaints "$work/soft" >&2; exit 1; }

[ $# -gt 0 ] || { echo "usage: hardening.sh FILE..." >&2; exit 2; }
failures=0
for file in "$@"; do
    while read -r line; do
        echo "hardening: $file $line" >&2
        failures=$((failures + 1))
    done < <(complaints "$file")
done
[ "$failures" -eq 0 ] && echo "hardening: $# files, each with all of it"
