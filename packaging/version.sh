#!/bin/sh
# The version of this tree: the last tag, or 0.1, and what came since.
cd "$(dirname "$0")/.." || exit
if tag=$(git describe --tags --match 'v[0-9]*' 2>/dev/null); then
    echo "${tag#v}" | sed 's/-\([0-9]*\)-g/+\1.g/'
    exit
fi
echo "0.1+$(git rev-list --count HEAD 2>/dev/null || echo 0)"
