/**
 * The disk of the database full: PostgreSQL's tables lie on a mount of 24 MB, the embedded database on one of 80 MB, which
 * writers fill. Reads must go on, writes be done or be 503, nothing be half done, and service return with the room.
 * Mounting needs root, so this stands apart from the tests: `bun test/faults/disk-full.ts`
 */
import { chown, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Task } from '../../src/tasks/model.ts'
import { boot, type DatabaseKind, databases, stopAll, type Target } from '../kit/boot.ts'
import { openSession, startPostgresServer } from '../kit/postgres-server.ts'
import { newUser } from '../kit/user.ts'

const NOBODY = 65534
/** Megabytes of each mount: the embedded database's own files and log take 40. */
const ROOM: Record<DatabaseKind, number> = { postgres: 24, embedded: 80 }
let good = true

for (const kind of databases) {
  const mount = await mkdtemp(join(tmpdir(), 'doable-full-'))
  await Bun.$`mount -t tmpfs -o size=${ROOM[kind]}m tmpfs ${mount}`
  try {
    if (kind === 'postgres') await onServer(mount)
    else {
      const service = await boot('embedded', { DATA_DIR: mount, LOG_LEVEL: 'fatal' })
      await fill(kind, service, mount)
      await service.stop()
    }
  } finally {
    await stopAll()
    await Bun.$`umount ${mount}`
    await rm(mount, { recursive: true })
  }
}
process.exitCode = good ? 0 : 1

async function onServer(mount: string): Promise<void> {
  await chown(mount, NOBODY, NOBODY)
  const server = await startPostgresServer()
  try {
    const admin = openSession(server.url())
    await admin.unsafe(`create tablespace tiny location '${mount}'`)
    await admin.unsafe('create database full_disk tablespace tiny')
    const service = await boot('postgres', { DATABASE_URL: server.url('full_disk'), LOG_LEVEL: 'fatal' })
    await fill('postgres', service, mount)
    await service.stop()
    await admin.end()
  } finally {
    await server.stop()
  }
}

async function fill(kind: DatabaseKind, service: Target, mount: string): Promise<void> {
  const ann = newUser(service)
  const first = await ann.create()
  // A file that is removed later gives the disk its last room back.
  await writeFile(join(mount, 'ballast'), new Uint8Array(4 * 2 ** 20))

  const statuses = new Map<number, number>()
  const acknowledged = new Set([first.id])
  const noise = () => Buffer.from(crypto.getRandomValues(new Uint8Array(7000))).toString('base64')
  for (let refused = 0, tries = 0; refused < 50 && tries < 20_000; tries++) {
    const response = await ann.post({ title: 'Filling', description: noise() })
    statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1)
    const body = (await response.json()) as Task
    if (response.status === 201) acknowledged.add(body.id)
    else refused++
  }
  const read = await ann.get(first.id)
  await rm(join(mount, 'ballast'))
  const again = await ann.post({ title: 'Room again' })
  const ids = new Set(((await (await ann.send('GET', '/export')).json()) as Task[]).map(({ id }) => id))
  const lost = [...acknowledged].filter((id) => !ids.has(id))
  const unasked = ids.size - acknowledged.size - (again.status === 201 ? 1 : 0)
  const result = { kind, statuses: Object.fromEntries(statuses), read: read.status, again: again.status, lost, unasked }
  process.stdout.write(`${JSON.stringify(result)}\n`)
  const known = [...statuses.keys()].every((status) => status === 201 || status === 503) && statuses.has(503)
  good &&= known && read.status === 200 && again.status === 201 && lost.length + unasked === 0
}
