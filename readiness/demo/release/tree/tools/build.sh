#!/bin/sh
# Puts the sources together into the one file that is deployed: dist/cli.js, or cli.js in the folder it is given.
# Needs neither Node nor a network.
set -eu

cd "$(dirname "$0")/.."
out=${1:-dist}
version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' package.json)
[ -n "$version" ] || { echo "build: package.json names no version" >&2; exit 1; }

mkdir -p "$out"
{
  sed "s/@VERSION@/$version/g" src/head.js
  cat src/catalogue.js src/cli.js
} >"$out/cli.js.new"
chmod 755 "$out/cli.js.new"
mv "$out/cli.js.new" "$out/cli.js"
echo "build: $out/cli.js of $version, $(wc -c <"$out/cli.js") bytes"
