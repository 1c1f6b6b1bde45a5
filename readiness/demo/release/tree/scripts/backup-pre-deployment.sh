#!/usr/bin/env bash
# Makes a private, checksummed backup of what a deploy is about to replace, and verifies it.
set -euo pipefail
umask 077

RELEASE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BACKUPS=${BACKUPS:-$RELEASE/backups}
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/mcp-hub

fail() {
  echo "backup: $*" >&2
  exit 1
}

mkdir -p "$BACKUPS"
[ -w "$BACKUPS" ] || fail "$BACKUPS is not writable by $(id -un)"

# room for this backup and one more, in KiB
used=$(du -sk "$RELEASE/config" "$RELEASE/package.json" | awk '{ sum += $1 } END { print sum }')
free=$(df -Pk "$BACKUPS" | awk 'NR == 2 { print $4 }')
[ "$free" -gt $((2 * used + 102400)) ] || fail "only $free KiB free beneath $BACKUPS"

name=$(date -u +%Y%m%dT%H%M%SZ)
work=$(mktemp -d "$BACKUPS/.unfinished-XXXXXX")
trap 'rm -rf "$work"' EXIT

cp -a "$RELEASE/config" "$RELEASE/package.json" "$RELEASE/package-lock.json" "$RELEASE/.env.production" "$work/"
[ ! -d "$CACHE" ] || cp -a "$CACHE" "$work/cache"
{
  echo "timestamp=$name"
  echo "commit=$(git -C "$RELEASE" rev-parse HEAD)"
  echo "version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' "$RELEASE/package.json")"
} >"$work/manifest.txt"
(cd "$work" && find . -type f ! -name SHA256SUMS -exec sha256sum {} + | sort -k 2 >SHA256SUMS)
(cd "$work" && sha256sum --quiet --check SHA256SUMS) || fail "what was copied does not match its checksums"

# one rename: a backup is there as a whole or not at all
mv "$work" "$BACKUPS/$name"
trap - EXIT
echo "$BACKUPS/$name"
