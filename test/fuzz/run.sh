#!/usr/bin/env bash
# run.sh LIBRARY [SECONDS] - libFuzzer on every target test/fuzz/fuzz_*.c, with ASan and UBSan.
# run.sh LIBRARY --keep - put the smallest inputs that reach what all runs here have reached into the kept corpora.
#
# A target begins with the files of test/data and test/fuzz/seeds, the kept corpus test/fuzz/corpus/NAME.tar.gz, and what earlier runs have found, which
# is in build/fuzz/corpus-NAME. LIBRARY is our own code, compiled for it.
#
#   TARGETS="http objects"   only these
set -euo pipefail
cd "$(dirname "$0")/../.."
library=$1
seconds=${2:-30}

build() { # NAME
    clang -std=c17 -D_GNU_SOURCE -O1 -g -I. -include common/base/ban.h -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
        -o "build/fuzz/$1" "test/fuzz/$1.c" "$library" -lmicrohttpd -lgnutls -lcurl -lcjson -lyaml -lssl -lcrypto -pthread
}

unpack() { # NAME
    mkdir -p "build/fuzz/corpus-$1"
    [ ! -e "test/fuzz/corpus/$1.tar.gz" ] || tar -xzf "test/fuzz/corpus/$1.tar.gz" -C "build/fuzz/corpus-$1"
}

# Executions, and of all branches that the compiler counts in what is linked, how many were taken.
say_result() { # NAME
    awk '/number_of_executed_units/ { executions = $2 }
         /inline 8-bit counters/ { match($0, /\([0-9]+ inline/); all = substr($0, RSTART + 1, RLENGTH - 8) }
         / cov: / { for (i = 1; i < NF; i++) if ($i == "cov:") taken = $(i + 1) }
         END { printf "    %d executions, %d of %d branches\n", executions, taken, all }' "build/fuzz/$1.log"
}

fuzz() { # NAME
    build "$1"
    echo "  FUZZ $1, $seconds s"
    "build/fuzz/$1" -max_total_time="$seconds" -max_len=65536 -timeout=10 -print_final_stats=1 \
        -artifact_prefix="build/fuzz/" "build/fuzz/corpus-$1" test/data test/data/kinds test/fuzz/seeds </dev/null >"build/fuzz/$1.log" 2>&1 || {
        tail -n 40 "build/fuzz/$1.log"
        echo "fuzz: $1 failed; the input is beside build/fuzz/$1.log" >&2
        exit 1
    }
    say_result "$1"
}

# Of 4 KiB at most: what needs more is a matter of limits, which unit tests know.
keep() { # NAME
    local smallest=build/fuzz/smallest-$1
    [ -x "build/fuzz/$1" ] || build "$1"
    rm -rf "$smallest"
    mkdir -p "$smallest" test/fuzz/corpus
    "build/fuzz/$1" -merge=1 -max_len=4096 "$smallest" "build/fuzz/corpus-$1" test/data test/data/kinds test/fuzz/seeds </dev/null >"build/fuzz/$1-keep.log" 2>&1
    tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=644 -C "$smallest" -c . | gzip -n9 >"test/fuzz/corpus/$1.tar.gz"
    echo "  KEPT $1: $(find "$smallest" -type f | wc -l) inputs, $(wc -c <"test/fuzz/corpus/$1.tar.gz") bytes"
}

mkdir -p build/fuzz
for source in test/fuzz/fuzz_*.c; do
    name=$(basename "$source" .c)
    [[ " ${TARGETS:-${name#fuzz_}} " = *" ${name#fuzz_} "* ]] || continue
    unpack "$name"
    if [ "$seconds" = --keep ]; then keep "$name"; else fuzz "$name"; fi
done
