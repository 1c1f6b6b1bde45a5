#!/usr/bin/env bash
# Times the hub's answers for a minute and writes a baseline to compare with.
set -euo pipefail

RELEASE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
HUB=${HUB:-http://127.0.0.1:7000}
BASELINES=${BASELINES:-$RELEASE/baselines}
SAMPLES=${SAMPLES:-60}

fail() {
  echo "measure: $*" >&2
  exit 1
}

mkdir -p "$BASELINES"
[ -w "$BASELINES" ] || fail "$BASELINES is not writable by $(id -un)"
free=$(df -Pk "$BASELINES" | awk 'NR == 2 { print $4 }')
[ "$free" -gt 10240 ] || fail "only $free KiB free beneath $BASELINES"

times=$(mktemp)
trap 'rm -f "$times"' EXIT
for _ in $(seq 1 "$SAMPLES"); do
  curl --fail --silent --max-time 5 --retry 1 --output /dev/null --write-out '%{time_total}\n' "$HUB/api/health" >>"$times"
  sleep 1
done

file=$BASELINES/$(date -u +%Y%m%dT%H%M%SZ).txt
sort -n "$times" | awk '{ t[NR] = $1 } END {
  printf "samples %d\np50 %.3f s\np95 %.3f s\np99 %.3f s\n", NR, t[int((NR + 1) * .5)], t[int(NR * .95 + .5)], t[int(NR * .99 + .5)]
}' >"$file"
cat "$file"
