# Other push servers in the same run: nginx with nchan, and a broadcast server on Node's ws. Each
# keeps messages in memory only, as keyed live pages do: these stand for Cubby here.

nchan_start() { # sets REPLY to the process id of its worker
    local dir=$work/nchan master
    mkdir -p "$dir"
    free_port
    port[nchan]=$REPLY
    sed -e "s|@RUN@|$dir|g" -e "s|@PORT@|$REPLY|g" tests/bench/peers/nginx.conf >"$dir/nginx.conf"
    background "$dir/log" nginx -p "$dir" -e "$dir/log" -c "$dir/nginx.conf"
    master=$REPLY
    wait_for "http://127.0.0.1:${port[nchan]}/healthz"
    read -r REPLY _ <<<"$(<"/proc/$master/task/$master/children")"
}

node_start() { # sets REPLY to its process id
    mkdir -p "$work/node"
    free_port
    port[node]=$REPLY
    background "$work/node/log" node tests/bench/peers/broadcast.mjs "$REPLY"
    wait_for "http://127.0.0.1:${port[node]}/healthz"
}

section_peers() {
    local kind label nchan node
    app
    for kind in sse:SSE ws:WebSocket; do
        label=${kind#*:} kind=${kind%:*}
        push_stop app
        push_start app
        nchan_start
        nchan=$REPLY
        node_start
        node=$REPLY
        "$bench/fanout" peer "$label, $clients readers" "$clients" \
            "protocol=live-$kind pid=${push_pid[app]} port=${push_port[app]}" \
            "name=nchan protocol=peer-$kind pid=$nchan port=${port[nchan]}" \
            "name=Node protocol=peer-$kind pid=$node port=${port[node]}"
        stop "$node"
        stop "$(cat "$work/nchan/nginx.pid")"
    done
}
