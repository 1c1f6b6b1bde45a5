#!/bin/sh
# Every script parses, no line ends in blanks, no source holds a tab or a carriage return.
set -u

cd "$(dirname "$0")/.."
found=0

complain() {
  echo "$1" >&2
  found=$((found + 1))
}

for script in tools/*.sh; do
  sh -n "$script" || complain "$script: does not parse"
done
for file in tools/*.sh scripts/*.sh src/*.js; do
  if grep -q '[[:blank:]]$' "$file"; then complain "$file: blanks at the end of a line"; fi
  if grep -q "$(printf '[\t\r]')" "$file"; then complain "$file: a tab or a carriage return"; fi
done
echo "lint: $found problems"
[ "$found" -eq 0 ]
