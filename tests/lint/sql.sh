#!/usr/bin/env bash
# SQL lives in lib/store: no string literal elsewhere holds a statement or a clause of one.
# Reads the C files named as arguments.
set -eu

sql='SELECT [^ ]|INSERT (OR [A-Z]+ )?INTO|REPLACE INTO|UPDATE [a-z_]+ SET|DELETE FROM'
sql="$sql|(CREATE|DROP|ALTER) (UNIQUE |VIRTUAL |TEMP )?(TABLE|INDEX|TRIGGER|VIEW)"
sql="$sql|PRAGMA |ORDER BY|GROUP BY|BEGIN (IMMEDIATE|DEFERRED)|WAL_CHECKPOINT"

awk -v want=strings -f "$(dirname "$0")/code.awk" "$@" |
    grep -v '^lib/store/' |
    if grep -E "^[^:]+:[0-9]+:.*($sql)"; then
        echo "  ^ SQL outside lib/store"
        exit 1
    fi
