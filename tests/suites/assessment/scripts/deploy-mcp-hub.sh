#!/bin/bash
# Deploy a new version from git
set -e

SCRIPT_DIR="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
PROJECT_ROOT="$(dirname "$SCRIPT_DIR")"
cd "$PROJECT_ROOT"

echo "🚀 Deploying MCP Hub"
echo "Current version: $(jq -r .version package.json)"

echo "📥 Pulling the latest code"
git pull origin main

echo "📦 Installing dependencies"
bun install --production

echo "🔨 Building"
bun run build

chmod +x dist/cli.js

echo "✅ Deployed: $(jq -r .version package.json)"
