# Requests to cubby.fcgi through lighttpd, against handlers that do nothing and bare SQLite.

# A token's request, its session checked in the user's file, against a handler that does nothing.
section_reads() {
    need_users 50
    trivial floor
    table "through lighttpd, $connections connections"
    local tokens=$work/app/tokens one=$work/app/token
    head -n 1 "$tokens" >"$one"
    while read -r token; do
        curl -s -o /dev/null -H "Authorization: Bearer $token" -H 'Content-Type: application/json' \
            -d '{"key":"bench","value":{"n":1}}' "http://127.0.0.1:${port[app]}/data"
    done <"$tokens"
    versus "GET /api/me, 50 users" 'ratio>=0.7' floor GET /api/me "$tokens"
    versus "GET /data?key=, 50 users" 'ratio>=0.7' floor GET '/data?key=bench' "$tokens"
    versus "GET /data?key=, one user" 'ratio>=0.7' floor GET '/data?key=bench' "$one"
}

# Durable writes of many users against bare SQLite on the same disk (no HTTP, no log-in, no bus).
section_writes() {
    local body='{"key":"bench","value":{"n":1,"text":"0123456789012345678901234567890123456789"}}'
    local ours=() costs=() bare=() rate cost
    need_users 200
    table "durable writes, 200 users" SQLite
    mkdir -p "$work/sqlite"
    for _ in $rounds; do
        load app POST /data "$work/app/tokens" "$body"
        ours+=("$rate") costs+=("$cost")
        bare+=("$("$bench/sqlite_floor" "$work/sqlite" 200 $CUBBY_THREADS $seconds)")
    done
    row "POST /data" 1/s "$(median "${ours[@]}")" "$(median "${bare[@]}")" \
        'ratio>=0.5'
    row "POST /data, CPU" us "$(median "${costs[@]}")" - -
}

# 50 of 1,000 rows in the order of an index, against a handler that sends as many bytes.
section_list() {
    local url size operations query='/api/posts?order=createdAt:desc&limit=50'
    need_users 1
    head -n 1 "$work/app/tokens" >"$work/app/token"
    url=http://127.0.0.1:${port[app]}
    operations=$(awk 'BEGIN { for (i = 1; i <= 100; i++) {
        printf "%s{\"method\":\"POST\",\"path\":\"/api/posts\",", (i > 1 ? "," : "")
        printf "\"body\":{\"title\":\"Post %d\",\"content\":", i
        printf "\"The quick brown fox jumps over the lazy dog, again and again.\"}}" } }')
    for _ in $(seq 10); do
        curl -sf -o /dev/null -H "Authorization: Bearer $(cat "$work/app/token")" \
            -H 'Content-Type: application/json' -d "{\"operations\":[$operations]}" \
            "$url/api/batch"
    done
    size=$(curl -s -H "Authorization: Bearer $(cat "$work/app/token")" "$url$query" | wc -c)
    trivial list "$size"
    table "a list, by an index"
    versus "GET 50 of 1,000 rows, $size bytes" 'ratio>=0.5' list GET "$query" "$work/app/token"
}

misses() { # STACK: files opened so far
    curl -s -H 'Authorization: Bearer benchmark' "http://127.0.0.1:${port[$1]}/metrics" |
        awk '/^[a-z_]*miss[a-z_]*[ {]/ { n += $NF } END { print n + 0 }'
}

# flat NAME RULE FEW MANY TOKENS: the same requests at stacks with few files and with many
flat() {
    local few=() many=() few_cost=() many_cost=() rate cost
    for _ in $rounds; do
        load "$3" GET /api/me "$work/$3/$5"
        few+=("$rate") few_cost+=("$cost")
        load "$4" GET /api/me "$work/$4/$5"
        many+=("$rate") many_cost+=("$cost")
    done
    row "$1" 1/s "$(median "${many[@]}")" "$(median "${few[@]}")" "$2"
    row "$1, CPU" us "$(median "${many_cost[@]}")" "$(median "${few_cost[@]}")" -
}

# What a request costs does not depend on how many users there are.
section_flat() {
    local before active=2000 name count
    for name in few:10:10 active:$active:$active many:"$users":$active; do
        IFS=: read -r name count active <<<"$name"
        mkdir -p "$work/$name/data"
        CUBBY_DATA_DIR=$work/$name/data "$bench/seed" "$work/$name/data" "$count" "$active" \
            >"$work/$name/all"
        head -n 10 "$work/$name/all" >"$work/$name/ten"
        stack_start "$name" "$B/cubby.fcgi"
    done
    table "requests of few of many users" "few"
    flat "GET /api/me of 10 of $users users" 'ratio>=0.9' few many ten
    flat "GET /api/me of $active of $users users" 'ratio>=0.9' active many all
    before=$(misses many)
    seconds=1 load many GET /api/me "$work/many/all"
    row "files opened for a miss of the cache" "" \
        "$(ratio "($(misses many) - $before)" "$requests")" - 'value<=1.05'
}
