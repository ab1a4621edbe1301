#!/usr/bin/env bash
# House rules as checks: one line per check, what broke it above that line; fails when any failed.
# `tests/lint/run.sh NAME...` runs only these.
set -eu
cd "$(dirname "$0")/../.."
export LC_ALL=C.UTF-8

listed() { find lib fcgi-app pushd ctl tests apache-conf packaging www .ci \
    -name node_modules -prune -o -type f \( "$@" \) -print 2>/dev/null | sort; }
mapfile -t sources < <(listed -name '*.[ch]')
mapfile -t units < <(printf '%s\n' "${sources[@]}" | grep '\.c$')
mapfile -t product < <(printf '%s\n' "${sources[@]}" | grep -v '^tests/')
mapfile -t scripts < <(listed -name '*.sh' -o -path '.ci/run' -o -path '.ci/install')
mapfile -t texts < <(listed -name '*.[ch]' -o -name '*.sh' -o -name '*.awk' -o -name '*.lua')
mapfile -t web < <(listed -name '*.js' -o -name '*.mjs')

# Each check prints what it objects to and returns whether it found nothing.

check_layers() { awk -f tests/lint/layers.awk "${sources[@]}"; }
check_outside() { tests/lint/outside.sh "${product[@]}"; }
check_sql() { tests/lint/sql.sh "${product[@]}"; }
check_conf() { tests/lint/conf.sh; }

# The first include of every .c file is base/base.h (it bans functions in what follows).
check_base_first() {
    awk 'FNR == 1 { seen = 0 }
        /^#[ ]*include/ && !seen { seen = 1; if ($2 != "\"base/base.h\"") {
            print FILENAME ":" FNR ": the first include is \"base/base.h\""; bad = 1 } }
        END { exit bad }' "${units[@]}"
}

check_room() {
    awk 'FNR == 1 && $0 !~ /^(\/\*|\/\/)/ {
            print FILENAME ":1: a file opens with what lives in it"; bad = 1 }
        END { exit bad }' "${sources[@]}"
}

check_names() {
    ! printf '%s\n' "${texts[@]}" "${web[@]}" | grep -E '/(utils?|misc|common|helpers?)\.[a-z]+$'
}

# As .editorconfig has it.
check_lines() {
    ! { grep -nP '^.{101,}|\t|[ \t]+$|\r' /dev/null "${texts[@]}"
        grep -nP '^.{121,}|\t|[ \t]+$|\r' /dev/null "${web[@]}"; } | grep .
}

# No typedefs of structs, no variables shared by extern, nothing left for later.
check_words() {
    ! { awk -f tests/lint/code.awk "${product[@]}" |
            grep -E ':[ ]*(typedef (struct|union|enum)[^(]*$|extern [^(]*;)' |
            grep -v 'extern const'
        grep -nE '\b(TODO|FIXME|XXX|HACK)\b' "${product[@]}"; } | grep .
}

check_format() { clang-format --dry-run -Werror "${sources[@]}" 2>&1; }

# uninitStructMember: cppcheck does not see that `if (!e)` follows the call that filled the struct;
# the compilers' -Wmaybe-uninitialized does.
check_cppcheck() {
    cppcheck --quiet -j2 --std=c11 --enable=warning,performance,portability --inline-suppr \
        --error-exitcode=1 --template=gcc --suppress=missingIncludeSystem \
        --suppress=uninitStructMember -Ilib -Ifcgi-app -Ipushd -Ictl "${product[@]}" 2>&1
}

check_scripts() {
    local bad=0 s
    for s in "${scripts[@]}"; do bash -n "$s" || bad=1; done
    return $bad
}

checks=(layers outside sql conf base_first room names lines words format cppcheck scripts)
[ $# -eq 0 ] || checks=("$@")

failed=0
for check in "${checks[@]}"; do
    start=$SECONDS
    if "check_$check"; then
        verdict=ok
    else
        verdict=FAILED failed=1
    fi
    printf 'lint  %-12s %s  (%d s)\n' "$check" "$verdict" $((SECONDS - start))
done
exit $failed
