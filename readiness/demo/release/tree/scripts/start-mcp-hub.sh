#!/usr/bin/env bash
# Starts the hub under systemd and waits until it says that it is ready.
set -euo pipefail

RELEASE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
UNIT=mcp-hub.service
LOGS=${LOGS:-$RELEASE/logs}
HUB=${HUB:-http://127.0.0.1:7000}

fail() {
  echo "start: $*" >&2
  exit 1
}

mkdir -p "$LOGS"
[ -w "$LOGS" ] || fail "$LOGS is not writable by $(id -un)"
[ -r "$RELEASE/.env.production" ] || fail "$RELEASE/.env.production is missing"
[ -x "$RELEASE/dist/cli.js" ] || fail "$RELEASE/dist/cli.js is missing or not executable"
free=$(df -Pk "$LOGS" | awk 'NR == 2 { print $4 }')
[ "$free" -gt 102400 ] || fail "only $free KiB free beneath $LOGS"

systemctl reset-failed "$UNIT" || true
systemctl start "$UNIT"

for _ in $(seq 1 30); do
  state=$(curl --fail --silent --max-time 5 --retry 2 --retry-delay 1 "$HUB/api/health" | jq -r .state || true)
  case $state in
    ready | restarted)
      echo "start: $UNIT is $state" | tee -a "$LOGS/deploy.log"
      exit 0
      ;;
  esac
  ! systemctl is-failed --quiet "$UNIT" || fail "$UNIT ends at every start; see journalctl --unit $UNIT"
  sleep 1
done
fail "$UNIT is not ready after 30 attempts; see journalctl --unit $UNIT"
