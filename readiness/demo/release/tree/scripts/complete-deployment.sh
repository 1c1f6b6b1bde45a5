#!/usr/bin/env bash
# The whole deployment: backup, stop, deploy, start, validate. Whatever fails after the backup is rolled back.
set -euo pipefail

RELEASE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
SCRIPTS=$RELEASE/scripts
LOCK=${LOCK:-$RELEASE/.deploy.lock}

fail() {
  echo "deployment: $*" >&2
  exit 1
}

exec 9>"$LOCK"
flock --nonblock 9 || fail "another deployment is running"
export DEPLOY_LOCK_HELD=yes

[ -w "$RELEASE" ] || fail "$RELEASE is not writable by $(id -un)"
free=$(df -Pk "$RELEASE" | awk 'NR == 2 { print $4 }')
[ "$free" -gt 2097152 ] || fail "only $free KiB free beneath $RELEASE"

rollback() {
  trap - ERR
  echo "deployment: $1 failed, rolling back" >&2
  bash "$SCRIPTS/rollback-deployment.sh" --yes || fail "the rollback failed as well: call the engineer on call"
  exit 1
}

# nothing has changed yet: a backup that fails ends the deployment, and there is nothing to roll back
bash "$SCRIPTS/backup-pre-deployment.sh" || fail "no backup, no deployment"

trap 'rollback "a step"' ERR
if ! bash "$SCRIPTS/stop-mcp-hub.sh"; then
  rollback "stop"
fi
if ! bash "$SCRIPTS/deploy-mcp-hub.sh"; then
  rollback "deploy"
fi
if ! bash "$SCRIPTS/start-mcp-hub.sh"; then
  rollback "start"
fi
if ! bash "$SCRIPTS/validate-deployment.sh"; then
  rollback "validate"
fi
trap - ERR
echo "deployment: done"
