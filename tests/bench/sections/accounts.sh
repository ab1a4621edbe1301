# Sign-ins and mails beside other requests: what they cost those who ask for something else.

memory() { # STACK FIELD (VmRSS, VmHWM) of cubby.fcgi, in MiB
    awk -v field="$2:" '$1 == field { printf "%.1f", $2 / 1024 }' "/proc/${app_pid[$1]}/status"
}

# calls STACK PATH BODIES COUNT RATE: sets ok, refused, others, p50, p99, last (ms)
calls() {
    local name=$1
    shift
    read -r ok refused others p50 p99 last < <("$bench/calls" "${port[$name]}" "$@")
    [ "$others" -eq 0 ] || echo "$others of $3 calls of $1 failed"
}

# 20 log-ins are asked for each second while others are served.
beside_log_ins() {
    local with=() without=() rate in=() ok refused others last late=() log_ins
    need_users 50
    table "GET /api/me while 20 log-ins a second are asked for" "without"
    for _ in $rounds; do
        load app GET /api/me "$work/app/tokens"
        without+=("$rate")
        "$bench/calls" "${port[app]}" /api/login "$work/app/bodies" $((20 * (seconds + 1))) 20 \
            >"$work/app/log-ins" &
        log_ins=$!
        sleep 0.5
        load app GET /api/me "$work/app/tokens"
        wait $log_ins
        with+=("$rate")
        read -r ok refused others _ _ last <"$work/app/log-ins"
        in+=("$ok") late+=("$last")
        [ "$others" -eq 0 ] || echo "$others log-ins failed"
    done
    row "GET /api/me, 50 users" 1/s "$(median "${with[@]}")" "$(median "${without[@]}")" \
        'ratio>=0.5'
    row "log-ins answered with 200 (floor: asked for)" "" "$(median "${in[@]}")" \
        $((20 * (seconds + 1))) -
    row "the last one is answered after" ms "$(median "${late[@]}")" - -
}

# More at once than may wait: the others are told to come later, and memory knows a bound.
log_ins_at_once() {
    local before in=() told=() late=() peak=() ok refused others p50 p99 last
    table "200 log-ins at once" "before"
    before=$(memory app VmRSS)
    for _ in 1 2 3; do
        echo 5 >"/proc/${app_pid[app]}/clear_refs" # the peak is that of what follows
        calls app /api/login "$work/app/bodies" 200 0
        in+=("$ok") told+=("$refused") late+=("$last") peak+=("$(memory app VmHWM)")
    done
    row "answered with 200" "" "$(median "${in[@]}")" - -
    row "told to come later (429, 503)" "" "$(median "${told[@]}")" - -
    row "the last one is answered after" ms "$(median "${late[@]}")" - -
    row "memory of cubby.fcgi, peak" MiB "$(median "${peak[@]}")" "$before" 'value<128'
}

# Requests for a reset, their mails taken by a server that thinks for two seconds at each line.
mails() {
    local smtp_port ok refused others p50 p99 last fast=() fast_late=() slow=() slow_late=()
    free_port
    smtp_port=$REPLY
    background "$work/app/smtp" node tests/bench/peers/slow_smtp.mjs "$smtp_port"
    CUBBY_MAIL_SMTP=smtp://127.0.0.1:$smtp_port CUBBY_MAIL_FROM=cubby@bench.example \
        CUBBY_PUBLIC_URL=https://bench.example CUBBY_MAIL_PER_ADDRESS=0 \
        CUBBY_MAIL_TEMPLATES=$PWD/fcgi-app/mail stack_start mail "$B/cubby.fcgi"
    sign_up mail $signed_up
    echo "{\"email\":\"user$signed_up@bench.example\"}" >"$work/app/addresses"
    table "password resets, a mail server of 2 s a line" "no mail"
    for _ in $rounds; do
        calls app /api/password-reset/request "$work/app/addresses" 200 100
        fast+=("$p50") fast_late+=("$p99")
        calls mail /api/password-reset/request "$work/app/addresses" 200 100
        slow+=("$p50") slow_late+=("$p99")
    done
    [ -s "$work/app/smtp" ] || echo "no mail was sent meanwhile"
    row "POST /api/password-reset/request: p50" ms "$(median "${slow[@]}")" \
        "$(median "${fast[@]}")" -
    row "POST /api/password-reset/request: p99" ms "$(median "${slow_late[@]}")" \
        "$(median "${fast_late[@]}")" 'value<100'
}

section_accounts() {
    local i
    need_users 50
    for ((i = signed_up; i > signed_up - 50; i--)); do
        echo "{\"email\":\"user$i@bench.example\",\"password\":\"benchmark\"}"
    done >"$work/app/bodies"
    beside_log_ins
    log_ins_at_once
    table "a token's signature and claims" "HMAC-SHA256"
    "$bench/token_cost"
    mails
}
