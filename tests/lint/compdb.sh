#!/usr/bin/env bash
# Reads what `make -Bnk V=1` would run and writes compile_commands.json for editors and clang-tidy.
set -eu

awk -v dir="$PWD" '
    BEGIN { print "[" }
    / -c [^ ]+\.c -o / {
        file = $0
        sub(/.* -c /, "", file)
        sub(/ .*/, "", file)
        command = $0
        gsub(/\\/, "\\\\", command)
        gsub(/"/, "\\\"", command)
        printf "%s{\"directory\":\"%s\",\"file\":\"%s\",\"command\":\"%s\"}",
            comma, dir, file, command
        comma = ",\n"
    }
    END { print "\n]" }
'
