# From a write to its readers: cubby-pushd against bare loops.

# Idle machine: one write at a time, fewer than lighttpd takes on one connection.
section_latency() {
    need_users 1
    push_start app
    "$bench/latency" "${port[app]}" "${push_port[app]}" "$(head -n 1 "$work/app/tokens")" 900 ""
    "$bench/latency" "${port[app]}" "${port[app]}" "$(head -n 1 "$work/app/tokens")" 900 \
        " through lighttpd"
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
        "$bench/fanout" floor $kind "$clients" \
            "protocol=$kind pid=${push_pid[app]} port=${push_port[app]} data=$work/app/data $user" \
            "protocol=$kind pid=$REPLY port=$floor_port data=$work/fanout-$kind $user"
    done
}

section_notify() {
    app
    push_start app
    background "$work/app/log" "$bench/bus_floor" "$work/app/data"
    sleep 0.3
    "$bench/bus_load" "$work/app/data" "${push_pid[app]}" "$REPLY"
}
