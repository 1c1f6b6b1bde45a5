#!/usr/bin/env bash
# Puts the release before back: the kept one that --to=VERSION or `readiness` names, else the one that the newest backup
# belongs to, if that backup verifies. With --yes it asks nobody, so that a gate can call it.
set -euo pipefail

RELEASE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
SITE=${SITE:-$(dirname "$(dirname "$RELEASE")")}
SCRIPTS=$RELEASE/scripts
BACKUPS=${BACKUPS:-$RELEASE/backups}
LOCK=${LOCK:-$RELEASE/.deploy.lock}
CONFIG=${READINESS_CONFIG:-/etc/mcp-hub/readiness.toml}
KEPT=${READINESS_PREVIOUS:-}
YES=no

fail() {
  echo "rollback: $*" >&2
  exit 1
}

for argument in "$@"; do
  case $argument in
    --yes) YES=yes ;;
    --to=*) KEPT=$SITE/releases/${argument#--to=} ;;
    *) fail "unknown argument $argument; usage: rollback-deployment.sh [--yes] [--to=VERSION]" ;;
  esac
done

if [ -z "${DEPLOY_LOCK_HELD:-}" ]; then
  exec 9>"$LOCK"
  flock --nonblock 9 || fail "another deployment is running"
fi

[ -w "$RELEASE" ] || fail "$RELEASE is not writable by $(id -un)"
free=$(df -Pk "$RELEASE" | awk 'NR == 2 { print $4 }')
[ "$free" -gt 1048576 ] || fail "only $free KiB free beneath $RELEASE"

restored=$(mktemp -d)
trap 'rm -rf "$restored"' EXIT
if [ -n "$KEPT" ]; then
  [ -x "$KEPT/dist/cli.js" ] || fail "$KEPT is not there, or was not built"
  target=$(basename "$KEPT")
else
  readiness backup --readiness-config "$CONFIG" --verify latest || fail "the newest backup beneath $BACKUPS does not verify"
  readiness backup --readiness-config "$CONFIG" --restore latest --into "$restored/backup"
  target=$(jq -r .commit "$BACKUPS/latest/manifest.json")
  jq '{created, commit, version}' "$BACKUPS/latest/manifest.json"
fi

if [ "$YES" != yes ]; then
  [ -t 0 ] || fail "no terminal to ask on; call it with --yes"
  read -r -p "Go back to $target? (yes/no) " answer
  [ "$answer" = yes ] || fail "nothing was changed"
fi

began=$(date +%s)
bash "$SCRIPTS/stop-mcp-hub.sh"
if [ -n "$KEPT" ]; then
  # in one move: there is no moment without a release
  ln -sfn "releases/$target" "$SITE/next"
  mv -fT "$SITE/next" "$SITE/current"
else
  git -C "$RELEASE" checkout --quiet --force "$target"
  cp -a "$restored/backup/release/." "$RELEASE/"
  (cd "$RELEASE" && npm ci --omit=dev && npm run build)
fi
bash "$SCRIPTS/start-mcp-hub.sh"
bash "$SCRIPTS/validate-deployment.sh"
echo "rollback: $target runs again, after $(($(date +%s) - began)) s"
