# From a write to its readers: cubby-pushd against bare loops.

# Idle machine: one write at a time, fewer than lighttpd takes on one connection.
section_latency() {
    need_users 1
    push_start app
    table "200 of a write to its event" -
    "$bench/latency" "${port[app]}" "${push_port[app]}" "$(head -n 1 "$work/app/tokens")" 900
    table "200 of a write to its event, through lighttpd" -
    "$bench/latency" "${port[app]}" "${port[app]}" "$(head -n 1 "$work/app/tokens")" 900
}

# The events are committed in the user's file and published on the bus by the benchmark itself, as
# the application does, so that nothing but the push side is measured.
section_fanout() {
    local kind floor_port user
    need_users 1
    user="user=$(head -n 1 "$work/app/ids") token=$(head -n 1 "$work/app/tokens")"
    for kind in sse ws; do
        # A new one each time: memory that was freed before would hide what a connection takes.
        push_stop app
        push_start app
        mkdir -p "$work/fanout-$kind/run/bus"
        free_port
        floor_port=$REPLY
        background "$work/fanout-$kind/log" "$bench/fanout_floor" $kind "$floor_port" \
            "$work/fanout-$kind"
        sleep 0.3
        "$bench/fanout" floor "$clients streams of one user, $kind" "$clients" \
            "protocol=$kind pid=${push_pid[app]} port=${push_port[app]} data=$work/app/data $user" \
            "protocol=$kind pid=$REPLY port=$floor_port data=$work/fanout-$kind $user"
    done
}

section_notify() {
    app
    push_start app
    background "$work/app/log" "$bench/bus_floor" "$work/app/data"
    sleep 0.3
    table "a write nobody listens to, bus to pushd"
    "$bench/bus_load" "$work/app/data" "${push_pid[app]}" "$REPLY"
}

section_bus() {
    need_users 200
    push_start app
    table "bus messages to 200 readers" -
    "$bench/bus_stream" "$work/app/data" "${push_port[app]}" "$work/app/ids" "$work/app/tokens"
    push_stop app # it was told of events that are in no log
}

# Every change reaches every reader, also where the bus loses what it cannot hold.
section_burst() {
    local servers data=$work/app/data changes=${BENCH_CHANGES:-20000}
    need_users 200
    push_start app
    servers="port=${port[app]} push=${push_port[app]}"
    table "$changes changes at once, 1000 readers"
    "$bench/burst" "$servers" "$data" "$work/app/ids" "$work/app/tokens" "$changes" 1000
    table "the same while pushd stands still"
    "$bench/burst" "$servers stop=${push_pid[app]}" "$data" "$work/app/ids" "$work/app/tokens" \
        "$changes" 1000
}

# protocol_cost LABEL FLOOR OURS: each with processes of its own
protocol_cost() {
    local floor_port dir=$work/protocol
    push_stop app
    push_start app
    rm -rf "$dir"
    mkdir -p "$dir/run/bus"
    free_port
    floor_port=$REPLY
    case $2 in
    publish) background "$dir/log" "$bench/publish_floor" "$floor_port" ;;
    *) background "$dir/log" "$bench/fanout_floor" "$2" "$floor_port" "$dir" ;;
    esac
    sleep 0.3
    "$bench/fanout" cost "$1, $clients readers" "$clients" \
        "pid=${push_pid[app]} port=${push_port[app]} $3" \
        "pid=$REPLY port=$floor_port data=$dir protocol=${2/publish/connect} $user"
    stop "$REPLY"
}

# One message to many readers, by each protocol; the floor sends as many bytes, and takes as many
# acknowledgements.
section_protocols() {
    local user
    need_users 1
    user="user=$(head -n 1 "$work/app/ids") token=$(head -n 1 "$work/app/tokens")"
    protocol_cost "/api/events" sse "protocol=sse data=$work/app/data $user"
    protocol_cost "/api/ws" ws "protocol=ws data=$work/app/data $user"
    protocol_cost "cubby.v1" ws "protocol=cubby.v1 data=$work/app/data $user"
    protocol_cost "/connect, acknowledged" publish "protocol=connect"
    protocol_cost "/ws/counter" ws "protocol=counter publish=${port[app]}"
    protocol_cost "/realtime, SSE" sse "protocol=live-sse"
    protocol_cost "/realtime, WebSocket" ws "protocol=live-ws"
}

section_publish() {
    local floor_port
    app
    push_start app
    free_port
    floor_port=$REPLY
    background "$work/app/log" "$bench/publish_floor" "$floor_port"
    sleep 0.3
    table "POST /publish, $((clients / 2)) users, each acknowledges"
    "$bench/publish" $((clients / 2)) "pid=${push_pid[app]} port=${push_port[app]}" \
        "pid=$REPLY port=$floor_port"
    stop "$REPLY"
    table "1000 publishes wait for acknowledgements"
    "$bench/waiting" 1000 "${push_pid[app]}" "${push_port[app]}"
}

# In a folder of its own: each of many users has a file.
section_idle() {
    local dir=$work/idle/data
    mkdir -p "$dir"
    app
    CUBBY_DATA_DIR=$dir "$bench/seed" "$dir" "$clients" "$clients" >"$work/idle/many"
    head -n 1 "$work/idle/many" >"$work/idle/one"
    free_port
    push_port[idle]=$REPLY
    push_start idle
    table "memory of $clients idle cubby.v1, filter and room" -
    "$bench/idle" "of one user" "$clients" "${push_pid[idle]}" "${push_port[idle]}" "$work/idle/one"
    push_stop idle
    push_start idle
    "$bench/idle" "of a user each" "$clients" "${push_pid[idle]}" "${push_port[idle]}" \
        "$work/idle/many"
    push_stop idle
    rm -rf "$dir"
}
