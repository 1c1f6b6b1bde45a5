#!/bin/bash
# Performance baseline: 60 seconds of samples
set -e

BASE_URL="http://localhost:7000"
DURATION=60
SUCCESS=0

for ((i = 0; i < DURATION; i++)); do
  if curl -sf --max-time 5 "$BASE_URL/api/health" > /dev/null; then
    SUCCESS=$((SUCCESS + 1))
  fi
  sleep 1
done

echo "✅ $SUCCESS of $DURATION requests answered"
