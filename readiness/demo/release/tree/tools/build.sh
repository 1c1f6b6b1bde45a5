#!/bin/sh
# Puts the sources together into the one file that is deployed: dist/cli.js. Needs neither Node nor a network.
set -eu

cd "$(dirname "$0")/.."
version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' package.json)
[ -n "$version" ] || { echo "build: package.json names no version" >&2; exit 1; }

mkdir -p dist
{
  sed "s/@VERSION@/$version/g" src/head.js
  cat src/catalogue.js src/cli.js
} >dist/cli.js.new
chmod 755 dist/cli.js.new
mv dist/cli.js.new dist/cli.js
echo "build: dist/cli.js of $version, $(wc -c <dist/cli.js) bytes"
