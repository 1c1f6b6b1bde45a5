#!/usr/bin/env bash
# Shows every five seconds what the hub and its host are doing, until it is interrupted.
set -euo pipefail

HUB=${HUB:-http://127.0.0.1:7000}
INTERVAL=${INTERVAL:-5}

ask() {
  curl --fail --silent --max-time 5 --retry 2 --retry-delay 1 "$HUB$1" || echo '{}'
}

trap 'echo; exit 0' INT TERM

while true; do
  date
  ask /api/health | jq -r '"  state    \(.state // "no answer")"'
  ask /api/filtering/stats | jq -r '"  success  \(.llm.successRate // "not published")", "  p95      \(.llm.p95Latency // "not published")"'
  df -Ph . | awk 'NR == 2 { print "  disk     " $5 " used, " $4 " free" }'
  free -m | awk '/^Mem:/ { print "  memory   " $3 " of " $2 " MiB used" }'
  awk '{ print "  load     " $1 " " $2 " " $3 }' /proc/loadavg
  sleep "$INTERVAL"
done
