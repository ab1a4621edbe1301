# cubby.fcgi as plain CGI: a process for each request, which opens main.db and the user's file,
# against one that is linked to the same libraries and does nothing.

cgi_rate() { # STACK PATH: sets rate
    local requests failed
    read -r rate requests failed < <(wrk -t2 -c4 -d${seconds}s -s tests/bench/load.lua \
        "http://127.0.0.1:${port[$1]}" -- GET "$2" "$work/app/tokens" | tail -n 1)
    [ "$failed" -eq 0 ] || echo "$failed of $requests requests of $2 failed"
}

section_cgi() {
    local path token ours bare rate
    need_users 20
    while read -r token; do
        curl -s -o /dev/null -H "Authorization: Bearer $token" -H 'Content-Type: application/json' \
            -d '{"key":"bench","value":{"n":1}}' "http://127.0.0.1:${port[app]}/data"
    done <"$work/app/tokens"
    printf '%s\n' "data_dir = $work/app/data" "collections_dir = $CUBBY_COLLECTIONS_DIR" \
        "jwt_secret = $CUBBY_JWT_SECRET" >"$work/cgi.ini"
    export CUBBY_CONFIG=$work/cgi.ini
    interface=cgi stack_start cgi "$B/cubby.fcgi"
    interface=cgi stack_start cgi_floor "$bench/trivial_cgi"
    unset CUBBY_CONFIG
    table "plain CGI through lighttpd, 4 connections" "trivial CGI"
    for path in /healthz /api/me '/data?key=bench'; do
        ours=() bare=()
        for _ in $rounds; do
            cgi_rate cgi "$path"
            ours+=("$rate")
            cgi_rate cgi_floor "$path"
            bare+=("$rate")
        done
        row "GET ${path%%\?*}" 1/s "$(median "${ours[@]}")" "$(median "${bare[@]}")" 'ratio>=0.5'
    done
}
