#!/usr/bin/env bash
# clang-runtime.sh - print the package with clang's sanitizer runtimes: its own since Debian 12, before that part
# of clang's.
set -euo pipefail
apt-cache show libclang-rt-dev >/dev/null 2>&1 || apt-get update -qq >/dev/null 2>&1 || true
if apt-cache show libclang-rt-dev >/dev/null 2>&1; then echo libclang-rt-dev; else echo clang; fi
