#!/usr/bin/env bash
# Each header compiles alone, after base/base.h only. Argument: the compiler with its flags.
set -eu
cd "$(dirname "$0")/../.."

failed=0
while read -r header; do
    case $header in
    lib/*) include="-Ilib" ;;
    tests/app/* | tests/lib/app/*) include="-Ilib -Ifcgi-app -Itests" ;;
    tests/push/* | tests/lib/push/*) include="-Ilib -Ipushd -Itests" ;;
    tests/*) include="-Ilib -Itests" ;;
    *) include="-Ilib -I${header%%/*}" ;;
    esac
    # The compiler and the include paths are lists of words.
    # shellcheck disable=SC2086
    printf '#include "base/base.h"\n#include "%s"\n' "$header" |
        $1 $include -I. -fsyntax-only -x c - || failed=1
done < <(find lib fcgi-app pushd ctl tests -name node_modules -prune -o -name '*.h' -print | sort)
exit $failed
