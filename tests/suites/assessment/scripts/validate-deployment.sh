#!/bin/bash
# Validate a deployment: 8 checks

SCRIPT_DIR="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
PROJECT_ROOT="$(dirname "$SCRIPT_DIR")"
BASE_URL="http://localhost:7000"
PASSED=0
FAILED=0

cd "$PROJECT_ROOT"
if [ -f .env.production ]; then
  # shellcheck disable=SC1091
  source .env.production
fi

pass() {
  echo "✅ $1"
  PASSED=$((PASSED + 1))
}

fail() {
  echo "❌ $1"
  FAILED=$((FAILED + 1))
}

# Test 1: health check
HEALTH=$(curl -sf --max-time 5 "$BASE_URL/api/health" | jq -r '.status')
if [ "$HEALTH" = "ok" ]; then pass "Health check"; else fail "Health check"; fi

# Test 2: filtering enabled
STATS=$(curl -sf --max-time 5 "$BASE_URL/api/filtering/stats")
if [ "$(echo "$STATS" | jq -r '.enabled')" = "true" ]; then pass "Filtering"; else fail "Filtering"; fi

# Test 3: LLM provider
if [ "$(echo "$STATS" | jq -r '.llm.enabled')" = "true" ]; then pass "LLM provider"; else fail "LLM provider"; fi

# Test 4: cache
if [ "$(echo "$STATS" | jq -r '.llmCache')" != "null" ]; then pass "Cache"; else fail "Cache"; fi

# Test 5: tools
TOOLS=$(curl -sf --max-time 5 "$BASE_URL/api/tools" | jq '.tools | length')
if [ "${TOOLS:-0}" -gt 0 ]; then pass "Tool list"; else fail "Tool list"; fi

# Test 6: MCP endpoint
RESULT=$(curl -sf --max-time 5 -X POST "$BASE_URL/mcp" \
  -H 'Content-Type: application/json' \
  -d '{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}' | jq -r '.result')
if [ "$RESULT" != "null" ]; then pass "MCP endpoint"; else fail "MCP endpoint"; fi

# Test 7: configuration
if jq empty config/mcp-hub.json > /dev/null 2>&1; then pass "Configuration"; else fail "Configuration"; fi

# Test 8: API keys
API_KEY="${GEMINI_API_KEY:-${OPENAI_API_KEY:-$ANTHROPIC_API_KEY}}"
if [ -n "$API_KEY" ]; then pass "API keys"; else fail "API keys"; fi

echo "Passed: $PASSED, failed: $FAILED"
if [ $FAILED -eq 0 ]; then
  exit 0
else
  echo "❌ Some validation tests failed"
  exit 1
fi
