#!/usr/bin/env bash
# Measures Cubby against floors in the same run: what a trivial handler, bare SQLite, a bare epoll
# loop, a bare nng subscriber need for the same work on this machine; and against other push
# servers, nginx with nchan and a broadcast server on Node's ws (tests/bench/peers/). Both programs
# run as they are served (apache-conf/lighttpd.conf), with data in a temporary folder; everything
# stays on loopback.
#
#   tests/bench/run.sh BUILD_DIR [PATTERN]
#   PATTERN picks some of the sections below (tests/bench/sections/). BENCH_MD=1 prints Markdown;
#   BENCH_CLIENTS (10000) streams; BENCH_USERS (50000) files; BENCH_CHANGES (20000) of a burst;
#   BENCH_EVENTS (10000) of a burst in a browser; BENCH_BACKUP_USERS (10000).
#
# Rows are medians of five alternating rounds. A timing is no assertion: nothing here fails a build.
set -eu -o pipefail
cd "$(dirname "$0")/../.."

B=$PWD/${1:?usage: run.sh BUILD_DIR [PATTERN]}
pattern=${2:-.}
bench=$B/tests/bench
clients=${BENCH_CLIENTS:-10000}
users=${BENCH_USERS:-50000}
all_sections="reads writes list cgi latency fanout notify bus burst protocols publish idle peers
accounts browser flat backup"
rounds="1 2 3 4 5"
seconds=2
connections=16

work=$(mktemp -d "${TMPDIR:-/tmp}/cubby-bench.XXXXXX")
pids=()

# Each program was started in a process group of its own.
clean_up() {
    local pid
    trap - EXIT
    for pid in "${pids[@]}"; do kill -- "-$pid" 2>/dev/null || true; done
    [ ${#pids[@]} -eq 0 ] || sleep 0.5
    for pid in "${pids[@]}"; do kill -KILL -- "-$pid" 2>/dev/null || true; done
    rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# --- programs ------------------------------------------------------------------------------------

export CUBBY_THREADS=4 CUBBY_LOG_LEVEL=warn CUBBY_COLLECTIONS_DIR=$PWD/fcgi-app/collections
export CUBBY_JWT_SECRET=benchmark-secret-of-32-bytes-or-more
export CUBBY_LIMIT_AUTH_PER_ADDRESS=0 CUBBY_LIMIT_AUTH_PER_IP=0
export CUBBY_PUSH_MAX_CONNECTIONS=0 CUBBY_PUSH_MAX_CONNECTIONS_PER_USER=0
export CUBBY_PUSH_MAX_CONNECTIONS_PER_IP=0 CUBBY_PUSH_MAX_ROOMS_PER_USER=0
export CUBBY_METRICS_TOKEN=benchmark CUBBY_ROOMS=on CUBBY_LIVE_PUBLIC=on
export CUBBY_COUNTERS_PUBLIC=on CUBBY_COUNTERS_PUBLIC_WRITE=on
ulimit -n "$(ulimit -Hn)"

next_port=$((20000 + RANDOM % 8000))
free_port() { # sets REPLY; below the range of ports that clients are given
    while next_port=$((next_port + 1)); (: </dev/tcp/127.0.0.1/$next_port) 2>/dev/null; do :; done
    REPLY=$next_port
}

# background LOG PROGRAM...: sets REPLY to its process id
background() {
    local log=$1
    shift
    setsid "$@" >>"$log" 2>&1 3>&- & # the table ends when its last writer does
    REPLY=$!
    pids+=("$REPLY")
}

stop() { # PID of a process that was started in the background
    kill -- "-$1"
    while kill -0 "$1" 2>/dev/null; do sleep 0.05; done
}

wait_for() { # URL
    local i
    for i in $(seq 100); do
        curl -sf -o /dev/null "$1" && return
        sleep 0.05
    done
    echo "bench: no answer from $1" >&2
    tail -n 5 "$work"/*/log >&2
    exit 1
}

declare -A port app_pid push_port push_pid started

# stack_start NAME PROGRAM: lighttpd with a FastCGI program, or a CGI program with interface=cgi;
# data in $work/NAME/data
stack_start() {
    local dir=$work/$1 web_pid child
    [ -z "${started[$1]:-}" ] || return 0
    mkdir -p "$dir/data" "$dir/run" "$dir/www"
    free_port
    port[$1]=$REPLY
    free_port
    push_port[$1]=$REPLY
    CUBBY_DATA_DIR=$dir/data CUBBY_PORT=${port[$1]} CUBBY_RUN=$dir/run CUBBY_WWW=$dir/www \
        CUBBY_CONF=$PWD/apache-conf CUBBY_ROOT=$dir/www CUBBY_BASE_PATH= CUBBY_TLS_CERT= \
        CUBBY_TLS_KEY= CUBBY_APP=${interface:-fastcgi} CUBBY_CGI=$2 \
        CUBBY_SOCKET=$dir/run/fcgi.sock CUBBY_FCGI=$2 \
        CUBBY_PUSH_HOST=127.0.0.1 CUBBY_PUSH_PORT=${push_port[$1]} \
        background "$dir/log" lighttpd -D -f apache-conf/lighttpd.conf
    web_pid=$REPLY
    wait_for "http://127.0.0.1:${port[$1]}/healthz"
    for child in $(<"/proc/$web_pid/task/$web_pid/children"); do
        # Another child writes a log.
        [ "$(readlink "/proc/$child/exe")" != "$2" ] || app_pid[$1]=$child
    done
    started[$1]=1
}

push_start() { # NAME: cubby-pushd beside the stack
    local dir=$work/$1
    [ -z "${push_pid[$1]:-}" ] || return 0
    CUBBY_DATA_DIR=$dir/data CUBBY_PUSH_LISTEN=127.0.0.1:${push_port[$1]} \
        background "$dir/log" "$B/cubby-pushd"
    push_pid[$1]=$REPLY
    wait_for "http://127.0.0.1:${push_port[$1]}/push/healthz"
}

push_stop() { # NAME
    [ -n "${push_pid[$1]:-}" ] || return 0
    kill "${push_pid[$1]}"
    while kill -0 "${push_pid[$1]}" 2>/dev/null; do sleep 0.05; done
    push_pid[$1]=
}

app() { stack_start app "$B/cubby.fcgi"; }
trivial() { BENCH_SIZE=${2:-2} stack_start "$1" "$bench/trivial_fcgi"; }

# sign_up STACK NUMBER: adds to $work/STACK/tokens and ids
sign_up() {
    local answer
    answer=$(curl -s -H 'Content-Type: application/json' \
        -d "{\"email\":\"user$2@bench.example\",\"password\":\"benchmark\"}" \
        "http://127.0.0.1:${port[$1]}/api/signup")
    sed -n 's/.*"token":"\([^"]*\)".*/\1/p' <<<"$answer" >>"$work/$1/tokens"
    sed -n 's/.*"user":{"id":"\([^"]*\)".*/\1/p' <<<"$answer" >>"$work/$1/ids"
}

signed_up=0 signed_up_at=0

need_users() { # COUNT users of the stack "app"; tokens live 15 minutes, a section a few
    local have
    app
    [ $((SECONDS - signed_up_at)) -lt 400 ] || rm -f "$work/app/tokens" "$work/app/ids"
    touch "$work/app/tokens"
    have=$(wc -l <"$work/app/tokens")
    [ "$have" -gt 0 ] || signed_up_at=$SECONDS
    for ((; have < $1; have++)); do
        sign_up app $((signed_up += 1))
    done
    [ "$(wc -l <"$work/app/tokens")" -ge "$1" ] || { echo "bench: sign-up failed" >&2; exit 1; }
}

# --- load and rows -------------------------------------------------------------------------------

median() { printf '%s\n' "$@" | sort -g | sed -n "$((($# + 1) / 2))p"; }
table() { printf '%s\t%s\n' "$1" "${2:-floor}"; } # title, and what stands beside ours
row() { printf '%s\t%s\t%s\t%s\t%s\n' "$@"; } # name unit ours floor rule
ratio() { awk "BEGIN { printf \"%.4f\", $1 / $2 }"; }

cpu_us() { # PID
    local stat
    read -r stat <"/proc/$1/stat"
    # The fields after the name in parentheses: utime and stime are the 12th and 13th.
    awk -v hz="$(getconf CLK_TCK)" '{ printf "%.0f", ($12 + $13) * 1000000 / hz }' \
        <<<"${stat##*) }"
}

# load STACK METHOD PATH TOKENS [BODY]: sets rate (requests/s), requests, cost (CPU µs each)
load() {
    local name=$1 before failed
    shift
    before=$(cpu_us "${app_pid[$name]}")
    read -r rate requests failed < <(wrk -t2 -c$connections -d${seconds}s \
        -s tests/bench/load.lua "http://127.0.0.1:${port[$name]}" -- "$@" | tail -n 1)
    cost=$(ratio "($(cpu_us "${app_pid[$name]}") - $before)" "$requests")
    [ "$failed" -eq 0 ] || echo "$failed of $requests requests of $* failed"
}

# versus NAME RULE FLOOR_STACK METHOD PATH TOKENS [BODY]: the stack "app" against another
versus() {
    local name=$1 rule=$2 floor=$3 ours=() bare=() ours_cost=() bare_cost=() rate cost
    shift 3
    for _ in $rounds; do
        load app "$@"
        ours+=("$rate") ours_cost+=("$cost")
        load "$floor" "$@"
        bare+=("$rate") bare_cost+=("$cost")
    done
    row "$name" 1/s "$(median "${ours[@]}")" "$(median "${bare[@]}")" "$rule"
    row "$name, CPU" us "$(median "${ours_cost[@]}")" \
        "$(median "${bare_cost[@]}")" -
}

# --- sections ------------------------------------------------------------------------------------

for file in tests/bench/sections/*.sh; do
    # shellcheck source=/dev/null
    . "$file"
done

# --- run -----------------------------------------------------------------------------------------

heading() {
    local commit cpu
    commit=$(git describe --always --dirty 2>/dev/null || echo unknown)
    cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)
    printf '%s\n' "$(nproc) cores ($cpu), Linux $(uname -r), $(date -u +%F), commit $commit"
}

sections() {
    local s
    for s in $all_sections; do
        [[ $s =~ $pattern ]] || continue
        "section_$s"
    done
}

heading
exec 3> >(exec awk -v md="${BENCH_MD:-}" -f tests/bench/report.awk)
table=$!
sections >&3
exec 3>&-
wait "$table"
