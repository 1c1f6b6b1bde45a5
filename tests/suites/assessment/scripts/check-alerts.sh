#!/bin/bash
# Hold the metrics against their thresholds. Exit codes: 0 fine, 1 warning, 2 critical
set -e

BASE_URL="http://localhost:7000"
LEVEL=0

STATS=$(curl -sf --max-time 5 "$BASE_URL/api/filtering/stats") || { echo "❌ No metrics"; exit 2; }

alert() {
  echo "$2"
  if [ "$1" -gt "$LEVEL" ]; then
    LEVEL=$1
  fi
}

P95=$(echo "$STATS" | jq -r '.llm.p95Latency // 0 | floor')
if [ "$P95" -gt 5000 ]; then
  alert 2 "🚨 P95 latency: $P95 ms"
elif [ "$P95" -gt 2000 ]; then
  alert 1 "⚠️  P95 latency: $P95 ms"
fi

QUEUE=$(echo "$STATS" | jq -r '.llm.queueDepth // 0')
if [ "$QUEUE" -gt 50 ]; then
  alert 2 "🚨 Queue depth: $QUEUE"
elif [ "$QUEUE" -gt 10 ]; then
  alert 1 "⚠️  Queue depth: $QUEUE"
fi

BREAKER=$(echo "$STATS" | jq -r '.llm.circuitBreaker.state // "closed"')
case "$BREAKER" in
  open) alert 2 "🚨 Circuit breaker open" ;;
  half-open) alert 1 "⚠️  Circuit breaker half-open" ;;
esac

exit "$LEVEL"
