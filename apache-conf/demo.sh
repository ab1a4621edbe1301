#!/usr/bin/env bash
# A Cubby to look at: served as by serve.sh, with two users and something in their cubbies.
#
#   demo.sh APP PUSHD            serve it, in the foreground, until Ctrl-C
#   demo.sh seed ORIGIN          only fill a Cubby that runs, by its API; the second time nothing
#
# Environment: as of serve.sh; PORT=8080, DATA=build/demo.
set -u
cd "$(dirname "$0")/.." || exit

PASSWORD='correct horse battery'

# call JAR METHOD PATH [JSON]: its answer; the cookies are kept in the file JAR.
call() {
    curl -fsS -m 20 -b "$1" -c "$1" -X "$2" "$ORIGIN$3" \
        -H 'Content-Type: application/json' -d "${4-}"
}

# post JAR PATH: each line of the input, as JSON.
post() {
    local line
    while IFS= read -r line; do call "$1" POST "$2" "$line" || return; done
}

# field NAME: of an answer, the first of that name; a string.
field() { grep -o "\"$1\":\"[^\"]*" | head -n 1 | cut -d '"' -f 4; }

fill_ada() {
    local org
    post "$1" /api/posts <<'END'
{"title":"Notes on the engine","content":"It might act upon other things besides number."}
{"title":"As the loom weaves","content":"flowers, so the engine weaves patterns of algebra."}
{"title":"Bernoulli numbers","content":"A table of them, by steps that a machine can take."}
{"title":"Tea on Thursday","content":"Everybody is welcome.\nBring a friend, and a problem."}
END
    post "$1" /data <<'END'
{"key":"settings","value":{"theme":"system","language":"en","sizes":[12,14,18]}}
{"key":"colour","value":"terracotta"}
END
    post "$1" /api/notes <<'END'
{"text":"Ask Mr Babbage about the carry."}
{"text":"Brass, 40 wheels of ten teeth."}
END
    org=$(call "$1" POST /api/organizations '{"name":"Analytical Engines"}' | field id)
    call "$1" POST "/api/organizations/$org/members" '{"email":"grace@example.org","role":"admin"}'
    post "$1" "/api/tasks?org=$org" <<'END'
{"title":"Order the brass"}
{"title":"Punch the cards","done":true}
{"title":"Find the first bug"}
END
}

fill_grace() {
    post "$1" /api/posts <<'END'
{"title":"A bug, found","content":"A moth, in relay 70 of panel F. Taped into the log."}
END
    post "$1" /api/notes <<<'{"text":"A nanosecond is 30 centimetres of wire."}'
    post "$1" /data <<<'{"key":"ship","value":"USS Hopper"}'
}

count() {
    local amount
    for amount in 3 2 5 1 4; do
        call "$1" POST /rpc/counter.increment "{\"name\":\"global-counter\",\"amount\":$amount}"
    done
    call "$1" POST /rpc/counter.decrement '{"name":"global-counter","amount":6}'
    call "$1" POST /rpc/counter.increment '{"name":"global-counter","amount":9}'
}

# Signs up; fails where the account is there already.
sign_up() {
    call "$1" POST /api/signup "{\"email\":\"$2\",\"password\":\"$PASSWORD\"}" >/dev/null 2>&1
}

seed() {
    local jars
    ORIGIN=${1%/}
    jars=$(mktemp -d) || exit
    if sign_up "$jars/grace" grace@example.org && sign_up "$jars/ada" ada@example.org; then
        { fill_grace "$jars/grace" && fill_ada "$jars/ada" && count "$jars/ada"; } >/dev/null
    fi
    rm -rf "$jars"
}

# By its name: browsers keep passkeys for hosts that have one.
serve() {
    local server origin
    : "${PORT:=8080}" "${DATA:=build/demo}" "${CUBBY_CORS_ORIGINS:=http://127.0.0.1:$PORT}"
    origin=http://localhost:$PORT
    export PORT DATA CUBBY_CORS_ORIGINS CUBBY_PUBLIC_URL=${CUBBY_PUBLIC_URL:-$origin}
    mkdir -p "$DATA/run" && rm -f "$DATA/run/address"
    apache-conf/serve.sh run "$1" "$2" >"$DATA/run/serve.log" &
    server=$!
    trap 'kill -TERM $server 2>/dev/null' INT TERM HUP
    until [ -s "$DATA/run/address" ]; do
        kill -0 $server 2>/dev/null || exit 1
        sleep 0.1
    done
    seed "$origin"
    cat <<END || exit

    The demo is at $CUBBY_PUBLIC_URL/

    sign in as   ada@example.org or grace@example.org
    password     $PASSWORD

    Open it in two windows, one of them private, one user each. Ctrl-C ends it.

END
    wait $server
    wait $server
}

case ${1:-} in
seed) seed "${2:?usage: demo.sh seed ORIGIN}" ;;
*) serve "${1:?usage: demo.sh APP PUSHD}" "${2:?usage: demo.sh APP PUSHD}" ;;
esac
