#!/bin/sh
':' //; case "${1:-}" in --version) echo "@VERSION@"; exit 0 ;; --help) echo "usage: cli.js [--version] [--help] [--check FILE] [--port N --config FILE]"; exit 0 ;; --check) if [ -r "${2:-}" ]; then exit 0; else echo "cli.js: ${2:-no file} cannot be read" >&2; exit 1; fi ;; esac
':' //; if command -v node >/dev/null 2>&1; then exec node "$0" "$@"; fi; echo "cli.js: cannot do '$*' without Node" >&2; exit 2
// The stand-in for a hub's artifact in the sample release. It is a shell script and JavaScript at once: the lines above
// answer where Node is not installed, so that a machine with Python, pip and make can run it; with Node, what follows
// answers the same. The hub that the demonstration talks to is the embedded one, not this file.
const VERSION = "@VERSION@";
