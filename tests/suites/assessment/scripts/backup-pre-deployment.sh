#!/bin/bash
# Pre-deployment backup: configuration, cache, logs and a manifest
set -e

SCRIPT_DIR="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
PROJECT_ROOT="$(dirname "$SCRIPT_DIR")"
TIMESTAMP=$(date +%Y%m%d-%H%M%S)
BACKUP_DIR="$PROJECT_ROOT/backups/$TIMESTAMP"

cd "$PROJECT_ROOT"
echo "📦 Creating backup in $BACKUP_DIR"
mkdir -p "$BACKUP_DIR"

# Configuration
if [ -d config ]; then
  cp -r config "$BACKUP_DIR/"
  echo "✅ Configuration"
fi
if [ -f .env.production ]; then
  cp .env.production "$BACKUP_DIR/"
fi

# Cache
if [ -d "$HOME/.cache/mcp-hub" ]; then
  cp -r "$HOME/.cache/mcp-hub" "$BACKUP_DIR/cache"
  echo "✅ Cache"
fi

# Logs
if [ -d logs ]; then
  cp -r logs "$BACKUP_DIR/"
  echo "✅ Logs"
fi

# Manifest
cat > "$BACKUP_DIR/manifest.txt" <<MANIFEST
Backup: $TIMESTAMP
Git commit: $(git rev-parse HEAD)
Version: $(jq -r .version package.json)
Created: $(date)
MANIFEST

echo "✅ Backup complete: $BACKUP_DIR"
