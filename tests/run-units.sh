#!/usr/bin/env bash
# Runs the C tests, and the fuzz targets over their stored inputs (each counts as one test):
#   tests/run-units.sh BUILD_DIR TEST... -- REPLAY...
# One line for each program, the whole story only of those that fail, and a total at the end.
set -u
cd "$(dirname "$0")/.."
build=$1
shift

said=$(mktemp) errors=$(mktemp)
trap 'rm -f "$said" "$errors"' EXIT
passed=0 failed=0

# count_lines WORD: how often cmocka said it. It does so on stdout, and the reasons on stderr.
count_lines() { grep -c "^\[$1\]" "$said"; }

# A test that began and did not end well has failed, the one a crash ended included.
run_test() {
    local program=$1 began ok bad
    timeout 120 "$program" >"$said" 2>"$errors"
    local code=$?
    began=$(count_lines ' RUN      ')
    ok=$(count_lines '       OK ')
    bad=$((began - ok - $(count_lines '  SKIPPED ')))
    if [ $code -ne 0 ] && [ $bad -eq 0 ]; then bad=1; fi
    if [ $bad -gt 0 ]; then
        grep -v '^\[\( RUN      \|       OK \|==========\)\]' "$said"
        cat "$errors"
        echo "${program#"$build"/}: $ok passed, $bad FAILED (exit code $code)"
    else
        echo "${program#"$build"/}: $ok passed"
    fi
    passed=$((passed + ok)) failed=$((failed + bad))
}

run_replay() {
    local program=$1 code
    timeout 120 "$program" "tests/fuzz/corpus/${program##*/}" >"$said" 2>&1
    code=$?
    if [ $code -eq 0 ]; then
        echo "tests/fuzz/$(tail -n 1 "$said")"
        passed=$((passed + 1))
    else
        cat "$said"
        echo "${program#"$build"/}: FAILED (exit code $code)"
        failed=$((failed + 1))
    fi
}

run=run_test
for program in "$@"; do
    if [ "$program" = -- ]; then run=run_replay; else $run "$program"; fi
done
echo "$passed passed, $failed failed"
[ $failed -eq 0 ]
