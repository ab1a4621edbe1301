#!/usr/bin/env bash
# The tests that run the real programs: tests/run-stack.sh APP PUSHD [pattern]
# pattern: only test files whose path contains it (stack, fault, e2e, kv, …).
set -eu
cd "$(dirname "$0")/.."
export CUBBY_TEST_APP=$1 CUBBY_TEST_PUSHD=$2
mapfile -t files < <(ls tests/{stack,fault,ctl,types,e2e}/*.mjs | grep -F -- "${3:-}")
[ ${#files[@]} -gt 0 ] || {
    echo "no test file matches \"$3\"" >&2
    exit 2
}
exec node --test --test-concurrency=3 --test-reporter=spec "${files[@]}"
