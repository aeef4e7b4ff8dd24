#!/usr/bin/env bash
# run.sh [SECONDS] - libFuzzer on every target test/fuzz/fuzz_*.c, with ASan and UBSan.
#
# A target names the sources that it links in a line "Links: FILE..." (or a pattern) of its first comment. Its seeds are the
# files that match test/data/<its name without fuzz_>*; what was found in earlier runs is in build/fuzz.
set -euo pipefail
cd "$(dirname "$0")/../.."
bash test/controlplane/packages.sh clang "$(bash test/controlplane/clang-runtime.sh)"
seconds=${1:-30}
for source in test/fuzz/fuzz_*.c; do
    name=$(basename "$source" .c)
    program=build/fuzz/$name
    corpus=build/fuzz/corpus-$name
    mkdir -p "$corpus"
    read -ra named < <(sed -n 's/^.*Links: \(.*\)$/\1/p' "$source")
    mapfile -t links < <(for pattern in "${named[@]}"; do compgen -G "$pattern"; done)
    clang -std=c17 -D_GNU_SOURCE -O1 -g -I. -include common/base/ban.h \
        -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
        -o "$program" "$source" "${links[@]}" -lcjson -lyaml -lcrypto -pthread
    echo "  FUZZ $name, $seconds s"
    "$program" -max_total_time="$seconds" -max_len=65536 -timeout=10 -print_final_stats=1 \
        -artifact_prefix="build/fuzz/" "$corpus" test/data >"build/fuzz/$name.log" 2>&1 || {
        tail -n 40 "build/fuzz/$name.log"
        echo "fuzz: $name failed; the input is beside build/fuzz/$name.log" >&2
        exit 1
    }
    grep -E 'number_of_executed_units' "build/fuzz/$name.log" | sed 's/^/    /'
done
