#!/usr/bin/env bash
# apache-conf/cubby.ini lists every setting of lib/domain/conf.c with its default, in the same
# order, and knows every name that docs/protocol.md promises; docs/settings.md is made of them.
set -eu
cd "$(dirname "$0")/../.."

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# "name = value" lines, those that stand there as a comment included.
settings() {
    sed -nE 's/^[;#]?([a-z][a-z0-9_]*)[ ]*=[ ]*([^;]*[^; ])?.*/\1 = \2/p' "$@" | sed 's/ *$//'
}

cat >"$work/print.c" <<'END'
#include "base/base.h"
#include "domain/conf.h"
int main(void)
{
    conf_print_defaults();
    return 0;
}
END
${CC:-gcc} -std=c11 -D_GNU_SOURCE -Ilib "$work/print.c" lib/domain/conf*.c \
    lib/domain/webhook_key.c lib/wire/mime.c lib/base/*.c \
    -linih -lcrypto -lm -pthread -o "$work/print"
"$work/print" | settings >"$work/program"
settings apache-conf/cubby.ini >"$work/ini"
diff --label lib/domain/conf.c --label apache-conf/cubby.ini -u "$work/program" "$work/ini"
"$work/print" | awk -f docs/settings.awk | diff --label 'make settings' -u - docs/settings.md

failed=0
promised=$(sed -n '/These names of settings are fixed/,/`make run` and/p' docs/protocol.md |
    sed 's/`make run`.*//' | grep -oE '`[a-z][a-z_]*`' | tr -d '`')
for name in $promised; do
    if ! grep -q "^$name =" "$work/ini"; then
        echo "apache-conf/cubby.ini: $name of docs/protocol.md section 10 is missing"
        failed=1
    fi
done
exit $failed
