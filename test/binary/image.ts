import { chmod, chown, copyFile, cp, mkdir, readFile, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import type { Program } from '../kit/program.ts'
import { type Place, PROGRAM, run, start } from './program.ts'

/** What the last stage of the Dockerfile says about the image. */
export interface Image {
  base: string
  copies: { from: string; to: string; owner: number }[]
  env: Record<string, string>
  labels: string
  uid: number
  command: string[]
  healthcheck: string[]
  volumes: string[]
}

/** Reads as much of a Dockerfile as ours uses. @throws Error on a COPY that is not from the build stage. */
export async function readImage(path: string): Promise<Image> {
  const text = (await readFile(path, 'utf8')).replace(/^#.*\n/gm, '').replaceAll('\\\n', ' ')
  const lines = text.split('\n').map((line) => /^(\S+)\s+(.*)$/.exec(line)?.slice(1) as [string, string] | undefined)
  const last = lines.slice(lines.findLastIndex((line) => line?.[0] === 'FROM'))
  const all = (keyword: string) => last.flatMap((line) => (line?.[0] === keyword ? [line[1]] : []))
  const list = (keyword: string): string[] =>
    JSON.parse(
      all(keyword)
        .join()
        .replace(/^.*?\[/, '['),
    )
  return {
    base: all('FROM').join(),
    copies: all('COPY').map((line) => {
      const [, owner = '0', from = '', to = ''] = /^--from=build(?: --chown=(\d+):\d+)? (\S+) (\S+)$/.exec(line) ?? []
      if (from === '') throw new Error(`the last stage takes something else than the build's: COPY ${line}`)
      return { from, to, owner: Number(owner) }
    }),
    env: Object.fromEntries(all('ENV').flatMap((line) => line.split(/\s+/).map((pair) => pair.split('=', 2)))),
    labels: all('LABEL').join(' '),
    uid: Number(/^\d+/.exec(all('USER').join())?.[0]),
    command: [...list('ENTRYPOINT'), ...list('CMD')],
    healthcheck: list('HEALTHCHECK'),
    volumes: list('VOLUME'),
  }
}

/** glibc's parts that are loaded by name: no program lists them. */
const BY_NAME = ['libnss_dns.so.2', 'libnss_files.so.2', 'libresolv.so.2']

/**
 * Lays the image's files out in `root`: what distroless `base` holds, taken from this
 * machine, and what the last stage copies. Nothing else: no shell, no other program.
 */
export async function layOut(root: string, image: Image): Promise<void> {
  const { stdout } = await run([PROGRAM], { cwd: root, program: '/usr/bin/ldd' })
  const listed = [...stdout.matchAll(/(\/\S+) \(0x/g)].map(([, path = '']) => path)
  const folder = dirname(listed.find((path) => path.endsWith('/libc.so.6')) ?? '')
  for (const path of [...listed, ...BY_NAME.map((name) => join(folder, name))]) {
    await mkdir(join(root, dirname(path)), { recursive: true })
    await copyFile(path, join(root, path))
    await chmod(join(root, path), 0o755)
  }
  for (const path of ['/etc/ssl/certs/ca-certificates.crt', '/usr/share/zoneinfo'])
    await cp(path, join(root, path), { recursive: true })
  const people = 'root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n'
  await writeFile(join(root, 'etc/passwd'), people)
  await writeFile(join(root, 'etc/group'), 'root:x:0:\nnonroot:x:65532:\n')
  await writeFile(join(root, 'etc/nsswitch.conf'), 'hosts: files dns\n')
  await mkdir(join(root, 'tmp'))
  for (const { from, to, owner } of image.copies) {
    // The build stage has made two things: the program, and an empty folder.
    if (basename(from) === basename(PROGRAM)) await copyFile(PROGRAM, join(root, to))
    else await mkdir(join(root, to))
    await chown(join(root, to), owner, owner)
    await chmod(join(root, to), 0o755)
  }
}

const DEVICES = ['null', 'zero', 'random', 'urandom']

/** What a container runtime does: own mounts and process ids, a read-only root, its volumes, the user. */
const RUNTIME = `
mount --make-rprivate /
mount --bind "$1" "$1"
mount -t proc proc "$1/proc"
for device in ${DEVICES.join(' ')}; do mount --bind "/dev/$device" "$1/dev/$device"; done
for volume in $2; do mount --bind "$1$volume" "$1$volume"; done
mount -o remount,bind,ro "$1"
root=$1 user=$3
shift 3
exec chroot --userspec="$user:$user" --groups="$user" "$root" "$@"
`

export interface Container extends Program {
  /** Its process 1, as it is numbered outside. */
  inner(): Promise<number>
  /** Runs a command beside it, as `docker exec` does. */
  exec(command: string[], env?: Record<string, string>): ReturnType<typeof run>
}

/** Runs the image's command in `root` as process 1. @throws Error when not run as root. */
export async function runImage(root: string, image: Image, env: Record<string, string>): Promise<Container> {
  if (process.getuid?.() !== 0) throw new Error('putting an image together and entering it needs root')
  for (const folder of ['proc', 'dev']) await mkdir(join(root, folder), { recursive: true })
  for (const device of DEVICES) await writeFile(join(root, 'dev', device), '')
  const place: Place = {
    cwd: '/',
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', ...image.env, ...env },
    program: '/usr/bin/unshare',
  }
  const runtime = ['sh', '-euc', RUNTIME, 'runtime', root, image.volumes.join(' '), String(image.uid)]
  const outer = start(['--mount', '--pid', '--fork', '--kill-child', ...runtime, ...image.command], place)
  const inner = async () => Number(await readFile(`/proc/${outer.pid}/task/${outer.pid}/children`, 'utf8'))
  return {
    ...outer,
    inner,
    async exec(command, more = {}) {
      const enter = ['--target', String(await inner()), '--mount', '--pid', '--root', '--wd']
      const user = ['--setuid', String(image.uid), '--setgid', String(image.uid)]
      const inside = { ...place, env: { ...place.env, ...more }, program: '/usr/bin/nsenter' }
      return run([...enter, ...user, ...command], inside)
    },
  }
}
