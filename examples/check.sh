#!/usr/bin/env bash
# Installs each example by its lock file, builds it, which checks its types, and uses it in Chromium; then takes one of
# them out of the repository, as its README says. The repository's own dependencies must be installed.
set -euo pipefail
cd "$(dirname "$0")"
export NEXT_TELEMETRY_DISABLED=1 CI=true

printf '\n== the packed client\n'
bun ../scripts/build-client.ts
bun ../test/client/consumers/check.ts

for example in accounts-inside better-auth-in-front; do
  printf '\n== %s\n' "$example"
  (
    cd "$example"
    bun install --frozen-lockfile
    NEXT_PUBLIC_DOABLE_URL=http://127.0.0.1:18000 bun run build
  )
done

printf '\n== agent\n'
(cd agent && bun install --frozen-lockfile && bun run check)

printf '\n== both, in Chromium\n'
bun ../test/browser/examples.ts

printf '\n== taken away\n'
client=$(realpath ../dist/doable-client.tgz)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
tar --create --exclude=node_modules --exclude=.next accounts-inside | tar --extract --directory "$scratch"
cd "$scratch/accounts-inside"
npm install --no-audit --no-fund --loglevel=error "$client"
npm run check
