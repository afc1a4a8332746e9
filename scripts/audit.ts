/**
 * Asks the registry for advisories on what is installed (`bun audit`), and fails for those of
 * severity high and above. Where the registry offers no advisories or cannot be reached, a line says
 * so, and only `AUDIT=strict` fails: a build must not depend on somebody else's service.
 */

/** Advisories that do not concern us, by GHSA id; SECURITY.md says why for each. */
const IGNORED: string[] = []

/** Severities that fail. */
const GRAVE = new Set(['high', 'critical'])

const command = ['audit', '--json', ...IGNORED.map((id) => `--ignore=${id}`)]
const audit = Bun.spawnSync([process.execPath, ...command], { env: process.env })
const advisories = readAdvisories(audit.stdout.toString())
if (advisories === undefined) {
  const reason = audit.stderr.toString().trim().split('\n').at(-1)
  say(`audit: NOT DONE, the registry gives no advisories (${reason})`)
  if (process.env['AUDIT'] === 'strict') process.exitCode = 1
} else if (advisories.length > 0) {
  for (const line of advisories) say(`audit: ${line}`)
  process.exitCode = 1
} else say('audit: no advisory of severity high or above')

function say(line: string): void {
  process.stderr.write(`${line}\n`)
}

/** A line for each advisory; undefined where the registry has given none. */
function readAdvisories(json: string): string[] | undefined {
  try {
    const found = JSON.parse(json) as Record<string, { severity: string; title: string; url: string }[]>
    return Object.entries(found).flatMap(([name, list]) =>
      list
        .filter(({ severity }) => GRAVE.has(severity))
        .map(({ severity, title, url }) => `${name}: ${severity}: ${title} (${url})`),
    )
  } catch {
    return undefined
  }
}
