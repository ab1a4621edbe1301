#!/usr/bin/env bash
# One outside thing, one file: each library's header is included by the file that is its door, and
# nowhere else; memory comes from base/mem.c. Reads the C files named as arguments (tests excepted).
set -eu

# header (extended regular expression)          the files that may include it
doors='
sqlite3\.h                                      lib/store/db\.c
(fastcgi|fcgi_stdio|fcgiapp|fcgios)\.h          fcgi-app/fcgi\.c
sys/epoll\.h                                    pushd/loop\.c
openssl/ssl\.h                                  lib/wire/tls\.c
openssl/err\.h                                  lib/(base/signature|wire/tls)\.c
openssl/.*                              lib/(base/(digest|signature)|domain/password|wire/tls)\.c
curl/.*                                        (lib/domain/(fetch|post|smtp)|ctl/dial)\.c
argon2\.h                                       lib/domain/password\.c
(cjson/)?cJSON\.h                               lib/wire/tree\.c
wslay/.*                                        lib/wire/ws\.c
zlib\.h                                         lib/wire/deflate\.c
csv\.h                                          lib/wire/csv\.c
(nng|nanomsg)/.*                                lib/domain/bus_(nng\.h|pub\.c|sub\.c)
http_parser\.h                                  lib/wire/http\.c
ini\.h                                          lib/domain/conf\.c
pcre2\.h                                        lib/wire/pattern\.c
'

code=$(awk -f "$(dirname "$0")/code.awk" "$@")
failed=0
while read -r header door; do
    [ -n "$header" ] || continue
    if grep -E "^[^:]+:[0-9]+:[ ]*#[ ]*include[ ]*<$header>" <<<"$code" | grep -Ev "^($door):"; then
        echo "  ^ only ${door//\\/} may include this"
        failed=1
    fi
done <<<"$doors"

memory='malloc|calloc|realloc|reallocarray|free|strdup|strndup|asprintf|getline'
if grep -E "^[^:]+:[0-9]+:.*[^A-Za-z0-9_.>]($memory) ?\(" <<<"$code" |
    grep -v '^lib/base/mem\.[ch]:'; then
    echo "  ^ memory comes from base/mem.h"
    failed=1
fi
exit $failed
