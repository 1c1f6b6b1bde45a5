#!/usr/bin/env bash
# Stops the hub: asks it to end, gives it 30 s to finish what it is doing, and only then kills it.
set -euo pipefail

UNIT=mcp-hub.service
GRACE=30

pid=$(systemctl show --property=MainPID --value "$UNIT")
if [ "${pid:-0}" -eq 0 ]; then
  echo "stop: $UNIT does not run"
  exit 0
fi

# systemd sends SIGTERM and, told to stop, does not start it again
systemctl stop --no-block "$UNIT" || kill -TERM "$pid"
for _ in $(seq 1 "$GRACE"); do
  if ! kill -0 "$pid" 2>/dev/null; then
    echo "stop: $UNIT has ended"
    exit 0
  fi
  sleep 1
done

echo "stop: still there after $GRACE s, killing it" >&2
kill -KILL "$pid"
sleep 1
if kill -0 "$pid" 2>/dev/null; then
  echo "stop: process $pid cannot be ended" >&2
  exit 1
fi
