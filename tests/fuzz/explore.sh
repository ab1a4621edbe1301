#!/usr/bin/env bash
# Look for new inputs that break a fuzz target: tests/fuzz/explore.sh NAME SECONDS
# Works on a copy of the corpus; what it finds is left in build/fuzz/NAME/ for you to look at.
set -eu
cd "$(dirname "$0")/../.."
name=$1 seconds=$2
[ -f "tests/fuzz/$name.c" ] && [ "$name" != replay ] || {
    echo "no fuzz target tests/fuzz/$name.c" >&2
    exit 2
}
out=build/fuzz/$name
mkdir -p "$out"
corpus=$(mktemp -d)
trap 'rm -rf "$corpus"' EXIT
cp -r "tests/fuzz/corpus/$name/." "$corpus"

clang -std=c11 -D_GNU_SOURCE -O1 -g -fno-omit-frame-pointer -pthread -Ilib -Itests \
    -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=undefined \
    "tests/fuzz/$name.c" lib/*/*.c -o "$out/run" \
    -largon2 -linih -lnng -lcurl -lsqlite3 -lcjson -lhttp_parser -lwslay -lpcre2-8 -lz -lcsv -lssl \
    -lcrypto -lm

"$out/run" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
    -artifact_prefix="$out/" "$corpus"
