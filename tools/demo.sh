#!/usr/bin/env bash
# Serves models/ on free ports and shows what a first user wants to see. The
# argument is the folder of the binaries.
set -euo pipefail
cd "$(dirname "$0")/.."
bin=$1
log=$(mktemp)

"$bin/unroll-server" --model-repository models --address 127.0.0.1 \
  --grpc-port 0 --metrics-port 0 2>"$log" &
server=$!
trap 'kill $server 2>/dev/null || true; rm -f "$log"' EXIT

for _ in $(seq 300); do
  grep -q 'models are served' "$log" && break
  kill -0 $server 2>/dev/null || { cat "$log"; exit 1; }
  sleep 0.1
done
address=$(sed -n 's/.*gRPC on \([^,]*\),.*/\1/p' "$log")
metrics=$(sed -n 's/.*metrics on \(http[^ ]*\).*/\1/p' "$log")
unroll() { "$bin/unroll" "$@" --server "$address"; }

show() { printf '\n\033[1m$ %s\033[0m\n' "$*"; }

show unroll-server --model-repository models
cat "$log"

show unroll models
unroll models

for word in exercise merveilleux schmetterling szczęście; do
  show unroll stream langid --text "$word"
  unroll stream langid --text "$word"
done

blank="exercise is very effective at [ ] belly fat"
candidates=reducing,increasing,multiplying
show unroll predict cloze --text "$blank" --candidates $candidates
unroll predict cloze --text "$blank" --candidates $candidates
show unroll predict cloze --text "$blank" --text ...
unroll predict cloze --top-k 5 --text "$blank" \
  --text "she opened the [ ] and walked into the room" \
  --text "birds build their [ ] in trees" \
  --text "the sun rises in the [ ]"

show unroll predict langid --text "exercise" --repeat 200 --concurrency 200
unroll predict langid --text "exercise" --repeat 200 --concurrency 200

# What the server measured of langid, from its Prometheus histograms: a quantile
# is the upper bound of the bucket that it falls into.
show "metrics: $metrics"
port=${metrics##*:}
exec 3<>"/dev/tcp/127.0.0.1/${port%%/*}"
printf 'GET /metrics HTTP/1.0\r\n\r\n' >&3
awk '
  function quantile(q,   i) {
    for (i = 1; i <= buckets; ++i) if (count[i] >= q * total) return bound[i]
  }
  !/model="langid"/ { next }
  /^unroll_request_duration_seconds_bucket/ && /method="Predict"/ {
    match($0, /le="[^"]*"/)
    bound[++buckets] = substr($0, RSTART + 4, RLENGTH - 5)
    count[buckets] = total = $NF
  }
  /^unroll_batch_sequences_sum/ { sequences = $NF }
  /^unroll_batch_sequences_count/ { batches = $NF }
  /^unroll_steps_total/ { steps = $NF }
  END {
    printf "Predict calls: %d, p50 at most %g ms, p99 at most %g ms\n",
        total, 1000 * quantile(0.50), 1000 * quantile(0.99)
    printf "batches: %d, steps: %d, sequences that shared a batch: %.1f on " \
        "average\n", batches, steps, sequences / batches
  }' <&3

show "kill -TERM (drains)"
kill -TERM $server
wait $server
tail -2 "$log"
