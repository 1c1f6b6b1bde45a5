#!/usr/bin/env bash
# Asks the running hub whether it is well: three attempts each, two seconds apart.
set -euo pipefail

RELEASE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CONFIG=${READINESS_CONFIG:-$RELEASE/readiness.toml}
HUB=${HUB:-http://127.0.0.1:7000}
ATTEMPTS=3
FAILED=0

ask() {
  curl --fail --silent --show-error --connect-timeout 2 --max-time 5 --retry 2 --retry-delay 1 "$HUB$1"
}

# holds PATH JQ-CONDITION: whether the hub's answer satisfies the condition, in one of three attempts
holds() {
  local attempt
  for attempt in $(seq 1 "$ATTEMPTS"); do
    if ask "$1" | jq --exit-status "$2" >/dev/null; then
      return 0
    fi
    if [ "$attempt" -lt "$ATTEMPTS" ]; then
      sleep 2
    fi
  done
  return 1
}

report() {
  local name=$1
  shift
  if "$@"; then
    echo "ok      $name"
  else
    echo "FAILED  $name"
    FAILED=$((FAILED + 1))
  fi
}

report "the hub is ready" holds /api/health '.state == "ready" or .state == "restarted"'
report "every server is connected" holds /api/servers 'all(.servers[]; .status == "connected" or .status == "disabled")'
report "tools are listed" holds /api/tools '(.tools | length) > 0'
report "filtering is on" holds /api/filtering/stats '.enabled == true'
# a rollback by `readiness` proves the release itself, afterwards
if [ -z "${READINESS_ROLLBACK:-}" ]; then
  report "the release is fit" readiness check -m "health" --readiness-config "$CONFIG"
fi

if [ "$FAILED" -eq 0 ]; then
  echo "validate: all is well"
  exit 0
fi
echo "validate: $FAILED failed" >&2
exit 1
