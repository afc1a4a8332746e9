#!/usr/bin/env bash
# Installs each example by its lock file, checks its types and builds it. `doable/client`
# comes from this repository, whose own dependencies must be installed.
set -euo pipefail
cd "$(dirname "$0")"
export NEXT_TELEMETRY_DISABLED=1 CI=true

for example in accounts-inside better-auth-in-front; do
  printf '\n== %s\n' "$example"
  (cd "$example" && bun install --frozen-lockfile && bun run check && bun run build)
done

printf '\n== agent\n'
(cd agent && bun install --frozen-lockfile && bun run check)

printf '\n== the packed client\n'
bun ../test/client/consumers/check.ts
