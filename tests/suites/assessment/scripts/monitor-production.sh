#!/bin/bash
# Real-time monitoring dashboard, refreshed every 5 seconds
set -e

BASE_URL="http://localhost:7000"

while true; do
  clear
  STATS=$(curl -sf --max-time 5 "$BASE_URL/api/filtering/stats" || echo '{}')
  echo "📊 MCP Hub - $(date)"
  echo "$STATS" | jq -r '"Success rate:  \(.llm.successRate)"'
  echo "$STATS" | jq -r '"P95 latency:   \(.llm.p95Latency) ms"'
  echo "$STATS" | jq -r '"P99 latency:   \(.llm.p99Latency) ms"'
  echo "$STATS" | jq -r '"Cache hits:    \(.llmCache.hitRate)"'
  echo "$STATS" | jq -r '"Queue depth:   \(.llm.queueDepth)"'
  echo "$STATS" | jq -r '"Breaker:       \(.llm.circuitBreaker.state)"'
  sleep 5
done
