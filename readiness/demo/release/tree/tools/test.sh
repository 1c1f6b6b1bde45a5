#!/bin/sh
# The release's tests, in a shell so that they run where Node is not; with Node they prove the JavaScript as well.
set -u

cd "$(dirname "$0")/.."
version=$(sed -n 's/^  "version": "\(.*\)",$/\1/p' package.json)
passed=0
failed=0

# of the sources, whatever was built before
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sh tools/build.sh "$work" || exit 1

expect() {
  name=$1
  wanted=$2
  got=$3
  if [ "$wanted" = "$got" ]; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "not ok: $name: expected '$wanted', got '$got'"
  fi
}

expect "the artifact tells its version" "$version" "$("$work/cli.js" --version 2>&1)"
expect "an unknown option is refused" 2 "$("$work/cli.js" --nonsense >/dev/null 2>&1; echo $?)"
expect "help names the options" 1 "$("$work/cli.js" --help 2>&1 | grep -c -e --config)"
expect "a configuration that is not there is refused" 1 "$("$work/cli.js" --check /nowhere/hub.json >/dev/null 2>&1; echo $?)"
expect "a file that is there is accepted" 0 "$("$work/cli.js" --check package.json >/dev/null 2>&1; echo $?)"
if command -v node >/dev/null 2>&1; then
  expect "under Node too it tells its version" "$version" "$(node "$work/cli.js" --version 2>&1)"
fi

# in the words of Node's own runner
echo "# tests $((passed + failed))"
echo "# pass $passed"
echo "# fail $failed"
[ "$failed" -eq 0 ]
