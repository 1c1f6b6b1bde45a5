#!/bin/bash
# The full deployment: backup, stop, deploy, start, validate
set -e

SCRIPT_DIR="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"

echo "Phase 1: Backup"
bash "$SCRIPT_DIR/backup-pre-deployment.sh"

echo "Phase 2: Stop"
bash "$SCRIPT_DIR/stop-mcp-hub.sh"

echo "Phase 3: Deploy"
bash "$SCRIPT_DIR/deploy-mcp-hub.sh"

echo "Phase 4: Start"
if ! bash "$SCRIPT_DIR/start-mcp-hub.sh"; then
  echo "❌ Start failed, rolling back..."
  bash "$SCRIPT_DIR/rollback-deployment.sh"
  exit 1
fi

echo "Phase 5: Validate"
if ! bash "$SCRIPT_DIR/validate-deployment.sh"; then
  echo "❌ Validation failed, rolling back..."
  bash "$SCRIPT_DIR/rollback-deployment.sh"
  exit 1
fi

echo "✅ Deployment complete"
