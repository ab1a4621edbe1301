# A backup of many users while others write: what it costs these, and whether the copy is whole.

# writers INPUT: 500 durable writes a second until the input ends; sets rate, p50, p99 (ms)
writers() {
    read -r rate p50 p99 < <("$bench/paced" "${port[backup]}" /data "$work/backup/tokens" \
        '{"key":"bench","value":{"n":1,"text":"0123456789012345678901234567890123456789"}}' \
        500 300 <"$1")
}

ctl() { # DATA COMMAND...: sets took (s)
    local begun=$EPOCHREALTIME data=$1
    shift
    CUBBY_DATA_DIR=$data "$B/cubbyctl" --json "$@" >"$work/backup/said" ||
        echo "cubbyctl $1: $(cat "$work/backup/said")"
    took=$(awk "BEGIN { print $EPOCHREALTIME - $begun }")
}

# The writers' input ends with the command.
beside() { # COMMAND...
    local job
    mkfifo "$work/backup/open"
    { "$@"; } 3>"$work/backup/open" &
    job=$!
    writers "$work/backup/open"
    wait $job
    rm "$work/backup/open"
}

timed_backup() {
    ctl "$work/backup/data" backup "$work/backup/backups" "$@"
    echo "$took" >"$work/backup/took"
}

section_backup() {
    local count=${BENCH_BACKUP_USERS:-10000} rate p50 p99 took problems
    local without=() without_late=() with=() with_late=() full=() next=()
    mkdir -p -m 700 "$work/backup/data"
    "$bench/seed" "$work/backup/data" "$count" "$count" >"$work/backup/tokens"
    sync -f "$work/backup"
    stack_start backup "$B/cubby.fcgi"
    table "backup of $count users, 500 writes a second" "without"
    beside sleep 3
    for _ in 1 2 3; do
        beside sleep 8
        without+=("$rate") without_late+=("$p99")
        beside timed_backup --full
        with+=("$rate") with_late+=("$p99") full+=("$(cat "$work/backup/took")")
        beside timed_backup
        next+=("$(cat "$work/backup/took")")
    done
    row "writes during a whole backup" 1/s "$(median "${with[@]}")" "$(median "${without[@]}")" \
        'ratio>=0.8'
    row "the same, p99" ms "$(median "${with_late[@]}")" "$(median "${without_late[@]}")" -
    row "a whole backup" s "$(median "${full[@]}")" - -
    row "the next one, of what changed" s "$(median "${next[@]}")" - -
    ctl "$work/backup/restored" restore "$work/backup/backups"
    row "restore" s "$took" - -
    ctl "$work/backup/restored" verify
    problems=$({ grep -o '"problem"' "$work/backup/said" || true; } | wc -l)
    row "verify of what was restored" s "$took" - -
    row "its problems" "" "$problems" - 'value<=0'
}
