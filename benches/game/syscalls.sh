#!/usr/bin/env bash
# System calls of the main thread and of the worker for 1,000 publishes in a tick, by strace. Each call that is traced takes
# tens of microseconds longer, so the worker does more between two of them than it would: what main_thread.lua prints as
# publish_wakes is counted without that. Of the main thread, the host's sleep at the end of a tick and its looks into /proc
# are left out.
set -euo pipefail
cd "$(dirname "$0")/../.."
log=$(mktemp)
trap 'rm -f "$log"' EXIT

for callback in 0 1; do
    name=publish
    [ "$callback" = 0 ] || name=publish_callback
    strace -f -qq --decode-pids=comm -o "$log" cargo run --release -q -p gmod-host -- --server real \
        benches/game/publishes.lua callback=$callback rounds=20 >/dev/null
    # The main thread is the one that writes the dashes; the server, its child, may go by the same name.
    awk -v name=$name -v rounds=20 '
        /write\(1, "-----/ { counting = !counting; main = $1 + 0; next }
        !counting || / resumed>/ || !match($0, /<[^>]*> +[a-z0-9_]+\(/) { next }
        {
            split(substr($0, RSTART + 1, RLENGTH - 2), part, /> +/)
            call = part[2]
            if (part[1] == "realtime") thread = "worker"
            else if ($1 + 0 == main && call !~ /^(clock_nanosleep|openat|fstat|statx|lseek|read|close)$/) thread = "main"
            else next
            all[thread]++; each[thread "_" call]++
        }
        END {
            for (thread in all) printf "= %s_%s_syscalls %.1f\n", name, thread, all[thread] / rounds | "sort"
            for (call in each) printf "= %s_%s %.1f\n", name, call, each[call] / rounds | "sort"
        }' "$log"
done
