#!/bin/bash
# Stop MCP Hub gracefully
set -e

SCRIPT_DIR="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
PID_FILE="$(dirname "$SCRIPT_DIR")/mcp-hub.pid"

if [ ! -f "$PID_FILE" ]; then
  echo "⚠️  No PID file: MCP Hub is not running"
  exit 0
fi

PID=$(cat "$PID_FILE")
if ! ps -p $PID > /dev/null 2>&1; then
  echo "⚠️  Process $PID is not running"
  rm -f "$PID_FILE"
  exit 0
fi

echo "🛑 Stopping MCP Hub (PID $PID)"
kill -TERM $PID

for i in {1..30}; do
  if ! ps -p $PID > /dev/null 2>&1; then
    echo "✅ Gracefully stopped"
    rm -f "$PID_FILE"
    exit 0
  fi
  sleep 1
done

echo "⚠️  Still running after ${i}s, sending SIGKILL"
kill -KILL $PID
rm -f "$PID_FILE"
echo "✅ Killed"
