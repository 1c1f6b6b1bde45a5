#!/bin/bash
# Start MCP Hub in production mode
set -e

SCRIPT_DIR="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
PROJECT_ROOT="$(dirname "$SCRIPT_DIR")"
PID_FILE="$PROJECT_ROOT/mcp-hub.pid"
CONFIG_FILE="config/mcp-hub.json"

cd "$PROJECT_ROOT"

# Already running?
if [ -f "$PID_FILE" ]; then
  PID=$(cat "$PID_FILE")
  if ps -p "$PID" > /dev/null 2>&1; then
    echo "⚠️  MCP Hub already runs (PID $PID)"
    exit 1
  fi
  rm -f "$PID_FILE"
fi

# Environment
if [ ! -f .env.production ]; then
  echo "❌ .env.production not found"
  exit 1
fi
set -a
# shellcheck disable=SC1091
source .env.production
set +a

# Configuration
if [ ! -f "$CONFIG_FILE" ]; then
  echo "❌ $CONFIG_FILE not found"
  exit 1
fi
if ! jq empty "$CONFIG_FILE" > /dev/null 2>&1; then
  echo "❌ $CONFIG_FILE is not valid JSON"
  exit 1
fi

# Start in the background
# (the log goes to logs/)
echo "🚀 Starting MCP Hub"
nohup bun start > logs/mcp-hub-output.log 2>&1 &
PID=$!
echo "$PID" > "$PID_FILE"

# Wait for the health check
for i in {1..10}; do
  if curl -sf --max-time 5 http://localhost:7000/api/health > /dev/null; then
    echo "✅ MCP Hub is healthy after ${i}s (PID $PID)"
    exit 0
  fi
  if ! ps -p "$PID" > /dev/null 2>&1; then
    echo "❌ MCP Hub ended unexpectedly"
    rm -f "$PID_FILE"
    exit 1
  fi
  sleep 1
done

echo "❌ No health check after 10s"
exit 1
