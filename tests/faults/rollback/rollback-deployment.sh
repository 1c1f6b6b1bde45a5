#!/bin/bash
# Rolls the deployment back to the latest backup: code, configuration and cache.
PROJECT_ROOT="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
BACKUP_DIR="$PROJECT_ROOT/backups"

LATEST_BACKUP=$(ls -1dt "$BACKUP_DIR"/backup-* 2>/dev/null | head -1)
if [ -z "$LATEST_BACKUP" ]; then
  echo "No backup found in $BACKUP_DIR"
  exit 1
fi

echo "Latest backup: $LATEST_BACKUP"
cat "$LATEST_BACKUP/manifest.txt"
read -p "Continue? (yes/no) " CONFIRM
if [ "$CONFIRM" != "yes" ]; then
  echo "Rollback cancelled"
  exit 0
fi

bash "$PROJECT_ROOT/scripts/stop-mcp-hub.sh"
cp -r "$LATEST_BACKUP/code/." "$PROJECT_ROOT/"
cp -r "$LATEST_BACKUP/config" "$PROJECT_ROOT/"
cp -r "$LATEST_BACKUP/cache" "$PROJECT_ROOT/"
cd "$PROJECT_ROOT" && npm install && npm run build
bash "$PROJECT_ROOT/scripts/start-mcp-hub.sh"
bash "$PROJECT_ROOT/scripts/validate-deployment.sh"
