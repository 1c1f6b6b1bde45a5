#!/usr/bin/env bash
# With a version: lets `current` point to releases/VERSION, which was built beforehand, and starts the hub anew.
# Without one: brings the tree to the newest commit of main and builds it; puts the commit before it back if any step fails.
set -euo pipefail

RELEASE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
LOCK=${LOCK:-$RELEASE/.deploy.lock}

fail() {
  echo "deploy: $*" >&2
  exit 1
}

[ -w "$RELEASE" ] || fail "$RELEASE is not writable by $(id -un)"
free=$(df -Pk "$RELEASE" | awk 'NR == 2 { print $4 }')
[ "$free" -gt 1048576 ] || fail "only $free KiB free beneath $RELEASE, a build needs 1 GiB"

# the orchestrator holds the lock already and says so
if [ -z "${DEPLOY_LOCK_HELD:-}" ]; then
  exec 9>"$LOCK"
  flock --nonblock 9 || fail "another deployment is running"
fi

if [ $# -gt 0 ]; then
  SITE=${SITE:-$(dirname "$(dirname "$RELEASE")")}
  [ -x "$SITE/releases/$1/dist/cli.js" ] || fail "$SITE/releases/$1 is not there, or was not built"
  bash "$RELEASE/scripts/stop-mcp-hub.sh"
  # in one move: there is no moment without a release
  ln -sfn "releases/$1" "$SITE/next"
  mv -fT "$SITE/next" "$SITE/current"
  bash "$SITE/current/scripts/start-mcp-hub.sh"
  echo "deploy: $("$SITE/current/dist/cli.js" --version) runs"
  exit 0
fi

cd "$RELEASE"
PREVIOUS=$(git rev-parse HEAD)

rollback() {
  trap - ERR
  echo "deploy: a step failed, going back to $PREVIOUS" >&2
  git checkout --quiet --force "$PREVIOUS"
  npm ci --omit=dev
  npm run build
  exit 1
}
trap rollback ERR

for attempt in 1 2 3; do
  if timeout 120 git fetch --quiet origin main; then break; fi
  [ "$attempt" -lt 3 ]
  sleep 2
done
git merge --quiet --ff-only origin/main
npm ci --omit=dev
if ! npm run build; then
  rollback
fi
chmod 755 dist/cli.js
./dist/cli.js --version
trap - ERR
