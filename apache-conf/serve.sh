#!/usr/bin/env bash
# Serve Cubby: a web server, cubby.fcgi and cubby-pushd, started and stopped as one thing.
#
#   serve.sh run   APP [PUSHD]   in the foreground, until Ctrl-C
#   serve.sh start APP [PUSHD]   in the background          serve.sh stop
#   serve.sh reload              a new cubby-pushd takes the place of the one that runs
#
# Without PUSHD there are no streams: changes are had from /api/changes.
#
# Environment: PORT=8080, DATA=data, SERVER=lighttpd|apache|nginx and every CUBBY_* setting; what is
# not set gets a value fit for development. INTERFACE=cgi starts APP for each request, but not by
# nginx. TLS_CERT and TLS_KEY, PEM files, make it https. Paths are relative to the repository.
# Everything that belongs to the run is in DATA/run: process ids, sockets, logs, the port of pushd.
set -u
cd "$(dirname "$0")/.." || exit
PATH=$PATH:/usr/sbin:/sbin

: "${PORT:=8080}" "${DATA:=data}" "${SERVER:=lighttpd}" "${INTERFACE:=fastcgi}"
: "${TLS_CERT:=}" "${TLS_KEY:=}" "${CUBBY_BASE_PATH:=}"

die() {
    echo "cubby: $*" >&2
    exit 1
}

has_ipv6() { grep -qs '^0*1 ' /proc/net/if_inet6; }
listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# --- the folder and the settings ------------------------------------------------------------------

make_folders() {
    mkdir -p "$DATA/run/root" || die "cannot make the data folder $DATA"
    DATA=$(cd "$DATA" && pwd -P)
    RUN=$DATA/run
    chmod 700 "$DATA" "$RUN" || die "the data folder $DATA belongs to someone else"
    # The name of a unix socket holds 107 bytes.
    [ ${#RUN} -le 75 ] || die "the path of the data folder is too long for sockets: $DATA"
}

# Held by the supervising process alone for as long as it lives.
lock() {
    exec 9>"$RUN/lock"
    flock -n 9 || die "it runs already with the data folder $DATA; \`make stop\` ends it"
}

secret() {
    if [ ! -s "$DATA/jwt_secret" ]; then
        (umask 077 && head -c 48 /dev/urandom | base64 -w 0 >"$DATA/jwt_secret.new")
        mv "$DATA/jwt_secret.new" "$DATA/jwt_secret" || die "cannot write $DATA/jwt_secret"
    fi
    cat "$DATA/jwt_secret"
}

settings() {
    # lighttpd splits the command line of the program it starts at spaces; nginx needs quotes.
    case $DATA$PWD$APP in *[[:space:]]*) die "a path has a space in it: $DATA, $PWD/$APP" ;; esac
    : "${CUBBY_JWT_SECRET:=$(secret)}" "${CUBBY_COLLECTIONS_DIR:=$PWD/fcgi-app/collections}"
    : "${CUBBY_MAIL_TEMPLATES:=$PWD/fcgi-app/mail}"
    : "${CUBBY_DEMO:=on}" "${CUBBY_ROOMS:=on}" "${CUBBY_LIVE_PUBLIC:=on}"
    : "${CUBBY_COUNTERS_PUBLIC:=on}" "${CUBBY_COUNTERS_PUBLIC_WRITE:=on}"
    : "${CUBBY_DEV_SHOW_RESET_TOKEN:=on}"
    export CUBBY_JWT_SECRET CUBBY_COLLECTIONS_DIR CUBBY_MAIL_TEMPLATES
    export CUBBY_DEMO CUBBY_ROOMS CUBBY_LIVE_PUBLIC
    export CUBBY_COUNTERS_PUBLIC CUBBY_COUNTERS_PUBLIC_WRITE CUBBY_DEV_SHOW_RESET_TOKEN
    export CUBBY_DATA_DIR=$DATA
    # Read by the web server's configuration.
    export CUBBY_PORT=$PORT CUBBY_RUN=$RUN CUBBY_WWW=$PWD/www CUBBY_CONF=$PWD/apache-conf
    export CUBBY_ROOT=$RUN/root CUBBY_BASE_PATH
    export CUBBY_TLS_CERT=${TLS_CERT:+$(realpath "$TLS_CERT")}
    export CUBBY_TLS_KEY=${TLS_KEY:+$(realpath "$TLS_KEY")}
    export CUBBY_SOCKET=$RUN/fcgi.sock CUBBY_APP=$INTERFACE
    export CUBBY_FCGI="$CUBBY_CONF/serve.sh spawn $APP"
    CUBBY_CGI=$(realpath "$APP")
    export CUBBY_CGI
    [ "$INTERFACE" = fastcgi ] || write_settings
}

# Programs that the web server starts for a request find their settings in a file.
write_settings() {
    local name variable
    (umask 077 && for name in $(sed -n 's/^;\([a-z_]*\) =.*/\1/p' apache-conf/cubby.ini); do
        variable=CUBBY_${name^^}
        [ -z "${!variable+set}" ] || echo "$name = ${!variable}"
    done >"$RUN/cubby.ini")
    export CUBBY_CONFIG=$RUN/cubby.ini
}

# --- processes ------------------------------------------------------------------------------------

# note_pid NAME PID: in one step, so that who reads the file meanwhile finds a whole number. An
# empty one, read as 0, is a whole process group to kill(2).
note_pid() {
    echo "$2" >"$RUN/$1.pid.new"
    mv "$RUN/$1.pid.new" "$RUN/$1.pid"
}

# background NAME COMMAND...: start it with its own log and pid file; ends when this script does,
# however that happens.
background() {
    local name=$1
    shift
    setpriv --pdeathsig TERM "$@" >>"$RUN/$name.log" 2>&1 </dev/null 9>&- &
    note_pid "$name" $!
}

pid_of() { cat "$RUN/$1.pid" 2>/dev/null; }

alive() {
    local pid
    pid=$(pid_of "$1") && [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null
}

start_pushd() {
    [ -n "$PUSHD" ] || return 0
    CUBBY_TRUSTED_PROXIES=${CUBBY_TRUSTED_PROXIES:-127.0.0.1 unix:} \
        background cubby-pushd "$PUSHD" "$@"
}

# By SIGUSR1: a new pushd takes the sockets of the old one, which serves until the new one can and
# then drains. $RUN/reloaded says what came of it.
take_over() {
    local old new left=400 result
    old=$(pid_of cubby-pushd)
    start_pushd --takeover
    new=$(pid_of cubby-pushd)
    while kill -0 "$old" 2>/dev/null && kill -0 "$new" 2>/dev/null && [ $left -gt 0 ]; do
        sleep 0.05
        left=$((left - 1))
    done
    result="cubby-pushd $new took the place of $old"
    if ! kill -0 "$new" 2>/dev/null; then
        note_pid cubby-pushd "$old"
        result="failed: $(grep level=error "$RUN/cubby-pushd.log" | tail -n 1)"
    fi
    echo "$result" >"$RUN/reloaded.new"
    mv "$RUN/reloaded.new" "$RUN/reloaded"
}

# Where pushd is, for the web servers: a host and port (a path and 0), and as Apache has it.
push_address() {
    case $CUBBY_PUSH_LISTEN in
    unix:*)
        CUBBY_PUSH_HOST=${CUBBY_PUSH_LISTEN#unix:} CUBBY_PUSH_PORT=0
        CUBBY_PUSH_URL="$CUBBY_PUSH_LISTEN|http://localhost"
        ;;
    *)
        CUBBY_PUSH_HOST=${CUBBY_PUSH_LISTEN%:*} CUBBY_PUSH_PORT=${CUBBY_PUSH_LISTEN##*:}
        CUBBY_PUSH_URL=http://$CUBBY_PUSH_LISTEN
        listening "$CUBBY_PUSH_PORT" && die "pushd's port $CUBBY_PUSH_PORT is in use"
        ;;
    esac
    export CUBBY_PUSH_LISTEN CUBBY_PUSH_HOST CUBBY_PUSH_PORT CUBBY_PUSH_URL
}

# The address of pushd stays the same for the whole run: the web server is told once.
first_pushd() {
    if [ -z "${CUBBY_PUSH_LISTEN:-}" ]; then
        CUBBY_PUSH_LISTEN=127.0.0.1:$((20000 + RANDOM % 12000))
        while listening "${CUBBY_PUSH_LISTEN##*:}"; do
            CUBBY_PUSH_LISTEN=127.0.0.1:$((20000 + RANDOM % 12000))
        done
    fi
    push_address
    echo "$CUBBY_PUSH_LISTEN" >"$RUN/push.address"
    start_pushd
}

start_app() { background cubby-fcgi "$APP" --socket "$CUBBY_SOCKET"; }

# Does the app run beside the web server, and not as its child?
has_app() { [ "$SERVER" != lighttpd ] && [ "$INTERFACE" = fastcgi ]; }

# fill_in FILE: of nginx, which reads no environment, into $RUN.
fill_in() {
    local unfit='^no line$'
    has_ipv6 || unfit="$unfit|listen \\[::1\\]"
    [ -n "$TLS_CERT" ] || unfit="$unfit|ssl_certificate"
    [ -n "$CUBBY_BASE_PATH" ] || unfit="$unfit|return 301"
    sed -e "s|@CUBBY_PORT@|$PORT|g; s|@CUBBY_RUN@|$RUN|g; s|@CUBBY_WWW@|$CUBBY_WWW|g" \
        -e "s|@CUBBY_CONF@|$CUBBY_CONF|g; s|@CUBBY_SOCKET@|$CUBBY_SOCKET|g" \
        -e "s|@CUBBY_PUSH@|$CUBBY_PUSH_LISTEN|g; s|@CUBBY_ROOT@|$CUBBY_ROOT|g" \
        -e "s|@CUBBY_BASE_PATH@|$CUBBY_BASE_PATH|g; s| @CUBBY_SSL@|${TLS_CERT:+ ssl}|g" \
        -e "s|@CUBBY_TLS_CERT@|$CUBBY_TLS_CERT|g; s|@CUBBY_TLS_KEY@|$CUBBY_TLS_KEY|g" \
        "apache-conf/$1" | grep -Ev "$unfit" >"$RUN/$1"
}

# As root its processes would take another user.
write_nginx_conf() {
    fill_in nginx-site.conf
    fill_in nginx.conf
    [ "$(id -u)" != 0 ] || sed -i '1i user root;' "$RUN/nginx.conf"
}

start_server() {
    local defines=(-D IPv4)
    case $SERVER in
    lighttpd) background lighttpd lighttpd -D -f "$CUBBY_CONF/lighttpd.conf" ;;
    apache)
        ! has_ipv6 || defines+=(-D IPv6)
        [ -z "$TLS_CERT" ] || defines+=(-D TLS)
        [ "$INTERFACE" = fastcgi ] || defines+=(-D CGI)
        background apache apache2 -D FOREGROUND "${defines[@]}" -f "$CUBBY_CONF/apache.conf"
        ;;
    nginx)
        write_nginx_conf
        background nginx nginx -c "$RUN/nginx.conf" -e "$RUN/nginx.log"
        ;;
    esac
}

# Apache passes bodies on as they arrive: a slow sender holds a thread of the app, so it has many.
app_settings() {
    [ "$SERVER" != apache ] || export CUBBY_THREADS=${CUBBY_THREADS:-64}
}

# The first folder on the way to FILE that USER may not enter, or FILE itself.
barrier() {
    local user=$1 file=$2 at=
    local as=(setpriv "--reuid=$user" "--regid=$user" --init-groups)
    while IFS= read -r -d / part; do
        at=$at$part/
        "${as[@]}" test -x "$at" || { echo "the folder $at" && return; }
    done <<<"$file"
    "${as[@]}" test -r "$file" || echo "$file"
}

# Apache does not work as root: its processes take another user, who must reach pages and socket.
share_socket() {
    local closed
    export CUBBY_USER=www-data
    if [ "$SERVER" = apache ] && [ "$(id -u)" = 0 ]; then
        [ "$INTERFACE" = fastcgi ] || die "Apache, started by root, would start CGI programs as" \
            "$CUBBY_USER, whose the data is not: run it as another user"
        closed=$(barrier "$CUBBY_USER" "$CUBBY_WWW/index.html")
        [ -z "$closed" ] || die "Apache, started by root, works as $CUBBY_USER, who cannot read" \
            "$closed: move this tree to where everybody may (/srv, say), open that (chmod o+rx)," \
            "or run it as another user"
        SOCKET_FOLDER=$(mktemp -d /tmp/cubby.XXXXXX)
        chgrp www-data "$SOCKET_FOLDER" && chmod 2750 "$SOCKET_FOLDER"
        CUBBY_SOCKET=$SOCKET_FOLDER/fcgi.sock
        umask 007
    fi
}

# Wait for NAME to end, SECONDS at most, then make it.
await_end() {
    local left=$(($2 * 20))
    while alive "$1" && [ $left -gt 0 ]; do
        sleep 0.05
        left=$((left - 1))
    done
    alive "$1" && kill -KILL "$(pid_of "$1")"
    rm -f "$RUN/$1.pid"
}

tell() { alive "$2" && kill "-$1" "$(pid_of "$2")" 2>/dev/null; }

# Streams end first, then requests in flight are answered, then nobody asks the app any more.
stop_all() {
    trap '' INT TERM HUP
    rm -f "$RUN/address"
    tell TERM cubby-pushd
    case $SERVER in
    lighttpd) tell INT lighttpd ;;
    apache) tell WINCH apache ;;
    nginx) tell QUIT nginx ;;
    esac
    await_end cubby-pushd 10
    await_end "$SERVER" 10
    tell TERM cubby-fcgi
    await_end cubby-fcgi 10
    rm -f "$RUN/serve.pid" "$RUN/push.address" "$RUN"/fcgi.sock*
    [ -z "${SOCKET_FOLDER:-}" ] || rm -rf "$SOCKET_FOLDER"
}

failed() {
    echo "cubby: $1; the end of its log:" >&2
    tail -n 5 "$RUN/$2.log" >&2
    stop_all
    exit 1
}

origin() { echo "http${TLS_CERT:+s}://127.0.0.1:$PORT$CUBBY_BASE_PATH"; }

answers() { curl -fsSk -o /dev/null -m 3 "$(origin)$1" 2>/dev/null; }

await_ready() {
    local left=300
    until answers /healthz && { [ -z "$PUSHD" ] || answers /push/healthz; }; do
        alive "$SERVER" || failed "$SERVER did not start" "$SERVER"
        left=$((left - 1))
        alive cubby-pushd || [ -z "$PUSHD" ] || [ $left -gt 250 ] ||
            failed "cubby-pushd did not start" cubby-pushd
        [ $left -gt 0 ] || failed "no answer from /healthz" cubby-fcgi
        sleep 0.1
    done
}

# Start again what died, at most five times a second. By looking: `wait -n` misses who ends between
# two of its calls, and would then wait for another one to end.
supervise() {
    while :; do
        sleep 0.2
        alive "$SERVER" || failed "$SERVER ended" "$SERVER"
        alive cubby-pushd || start_pushd
        ! has_app || alive cubby-fcgi || start_app
    done
}

# --- commands -------------------------------------------------------------------------------------

run() {
    make_folders
    lock
    listening "$PORT" && die "port $PORT is in use; PORT=$((PORT + 1)) picks another"
    rm -f "$RUN"/*.pid "$RUN/address"
    note_pid serve $$
    trap 'stop_all; exit 0' INT TERM HUP
    settings
    app_settings
    share_socket
    first_pushd
    ! has_app || start_app
    start_server
    await_ready
    echo "$(origin)/" >"$RUN/address"
    echo "Cubby serves $(origin)/ by $SERVER; data in $DATA, logs in $RUN"
    trap take_over USR1
    supervise
}

start() {
    local supervisor
    make_folders
    (lock) || exit 1
    rm -f "$RUN/address"
    setsid "$0" run "$APP" "$PUSHD" >"$RUN/serve.log" 2>&1 </dev/null &
    supervisor=$!
    until [ -s "$RUN/address" ]; do
        kill -0 $supervisor 2>/dev/null || break
        sleep 0.1
    done
    cat "$RUN/serve.log"
    [ -s "$RUN/address" ]
}

stop() {
    make_folders
    exec 9>"$RUN/lock"
    flock -n 9 && {
        echo "cubby: nothing runs with the data folder $DATA"
        return
    }
    kill -TERM "$(pid_of serve)" || die "cannot stop process $(pid_of serve)"
    flock -w 40 9 || die "process $(pid_of serve) does not stop"
}

reload() {
    make_folders
    exec 9>"$RUN/lock"
    flock -n 9 && die "nothing runs with the data folder $DATA"
    rm -f "$RUN/reloaded"
    kill -USR1 "$(pid_of serve)" || die "cannot reach process $(pid_of serve)"
    until [ -s "$RUN/reloaded" ]; do
        alive serve || die "process $(pid_of serve) ended"
        sleep 0.05
    done
    case $(cat "$RUN/reloaded") in
    failed*) die "the old cubby-pushd goes on; $(cat "$RUN/reloaded")" ;;
    *) cat "$RUN/reloaded" ;;
    esac
}

COMMAND=${1:-} APP=${2:-} PUSHD=${3:-}
case $SERVER in
lighttpd | apache | nginx) ;;
*) die "SERVER is lighttpd, apache or nginx, not \"$SERVER\"" ;;
esac
case $INTERFACE,$SERVER in
fastcgi,* | cgi,lighttpd | cgi,apache) ;;
*) die "INTERFACE is fastcgi or, by lighttpd or apache, cgi, not \"$INTERFACE\"" ;;
esac
case $COMMAND in
run | start)
    [ -x "$APP" ] || die "no program \"$APP\"; usage: serve.sh $COMMAND APP [PUSHD]"
    [ -z "$PUSHD" ] || [ -x "$PUSHD" ] ||
        die "no program \"$PUSHD\"; usage: serve.sh $COMMAND APP [PUSHD]"
    "$COMMAND"
    ;;
stop | reload) "$COMMAND" ;;
spawn) # by lighttpd, whose child this is
    RUN=$CUBBY_RUN note_pid cubby-fcgi $$
    exec "$APP" 2>>"$CUBBY_RUN/cubby-fcgi.log"
    ;;
*) die "usage: serve.sh run|start APP [PUSHD], or serve.sh stop|reload" ;;
esac
