#!/usr/bin/env bash
# Makes a private, checksummed backup of what a deploy is about to replace, and verifies it.
set -euo pipefail
umask 077

RELEASE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BACKUPS=${BACKUPS:-$RELEASE/backups}
CONFIG=${READINESS_CONFIG:-/etc/mcp-hub/readiness.toml}

fail() {
  echo "backup: $*" >&2
  exit 1
}

mkdir -p "$BACKUPS"
[ -w "$BACKUPS" ] || fail "$BACKUPS is not writable by $(id -un)"

# room for this backup and as much again, in KiB
used=$(du -sk "$RELEASE/config" "$RELEASE/logs" | awk '{ sum += $1 } END { print sum }')
free=$(df -Pk "$BACKUPS" | awk 'NR == 2 { print $4 }')
[ "$free" -gt $((2 * used + 102400)) ] || fail "only $free KiB free beneath $BACKUPS"

# whole or not at all, with a SHA-256 for every file
readiness backup --readiness-config "$CONFIG" --keep 10
readiness backup --readiness-config "$CONFIG" --verify latest
