import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile, readlink } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'

/** What SPIRE's unix workload attestor finds of a process, as selectors of an entry. */
export interface Selectors {
  readonly uid: string
  readonly gid: string
  readonly supplementaryGids: readonly string[]
  /** Undefined where the system does not tell. The agent tells both only with `discover_workload_path = true`. */
  readonly path: string | undefined
  readonly sha256: string | undefined
}

/** Of this process: the effective ids, and the program file, which is Node's. */
export async function ownSelectors(): Promise<Selectors> {
  const path = await readlink('/proc/self/exe').catch(() => undefined)
  return {
    uid: `unix:uid:${process.geteuid?.()}`,
    gid: `unix:gid:${process.getegid?.()}`,
    supplementaryGids: (await supplementaryGids()).map((gid) => `unix:supplementary_gid:${gid}`),
    path: path && `unix:path:${path}`,
    sha256: path && `unix:sha256:${await digestOf('/proc/self/exe')}`,
  }
}

/** From the kernel's own list: `process.getgroups` adds the effective group to it. */
async function supplementaryGids(): Promise<readonly string[]> {
  const status = await readFile('/proc/self/status', 'utf8').catch(() => '')
  const [, groups = ''] = /^Groups:(.*)$/mu.exec(status) ?? []
  return groups.split(/\s+/u).filter((gid) => gid !== '')
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}
