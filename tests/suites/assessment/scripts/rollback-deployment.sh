#!/bin/bash
# Full rollback: code, configuration, cache
set -e

SCRIPT_DIR="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
PROJECT_ROOT="$(dirname "$SCRIPT_DIR")"
cd "$PROJECT_ROOT"

LATEST=$(ls -1t backups | head -1)
if [ -z "$LATEST" ]; then
  echo "❌ No backup found"
  exit 1
fi
BACKUP_DIR="$PROJECT_ROOT/backups/$LATEST"

echo "📋 Backup manifest:"
cat "$BACKUP_DIR/manifest.txt"

read -p "Roll back to this backup? (yes/no): " CONFIRM
if [ "$CONFIRM" != "yes" ]; then
  echo "Rollback cancelled"
  exit 1
fi

bash "$SCRIPT_DIR/stop-mcp-hub.sh"

COMMIT=$(grep "Git commit:" "$BACKUP_DIR/manifest.txt" | awk '{print $3}')
echo "⏪ Restoring code: $COMMIT"
git checkout "$COMMIT"

echo "⏪ Restoring configuration"
cp -r "$BACKUP_DIR/config/." config/

if [ -d "$BACKUP_DIR/cache" ]; then
  echo "⏪ Restoring cache"
  mkdir -p "$HOME/.cache/mcp-hub"
  cp -r "$BACKUP_DIR/cache/." "$HOME/.cache/mcp-hub/"
fi

bun install --production
bun run build

bash "$SCRIPT_DIR/start-mcp-hub.sh"
bash "$SCRIPT_DIR/validate-deployment.sh"
echo "✅ Rolled back to $COMMIT"
