#!/usr/bin/env bash
# run.sh BUILD TARGET SECONDS: one fuzzer over its corpus. What it finds new goes
# to BUILD/corpus, and what breaks a reader stays as BUILD/crash-TARGET-*.
set -euo pipefail
cd "$(dirname "$0")/../.."
build=$1 target=$2 seconds=$3
mkdir -p "$build/corpus/$target"
log=$build/$target.log
"$build/bin/fuzz_$target" -max_total_time="$seconds" -max_len=16384 \
  -artifact_prefix="$build/crash-$target-" "$build/corpus/$target" \
  "tests/fuzz/corpus/$target" >"$log" 2>&1 || { cat "$log"; exit 1; }
echo "$target: $(tail -1 "$log")"
