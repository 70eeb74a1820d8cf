import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { repositoryRoot } from '../repository-root.js'
import { type Certificates, makeCertificates } from './certificates.js'
import { measurePolicy } from './scale-policy.js'
import { measureRotation } from './scale-rotation.js'
import type { ScaleRow } from './scale-row.js'
import { measureTunnels } from './scale-tunnels.js'

interface Place {
  readonly folder: string
  readonly certificates: Certificates
}

const parts: Readonly<Record<string, (place: Place) => Promise<readonly ScaleRow[]>>> = {
  tunnels: ({ folder, certificates }) => measureTunnels(folder, certificates),
  policy: ({ folder, certificates }) => measurePolicy({ root: repositoryRoot, folder, certificates }),
  rotation: ({ folder, certificates }) => measureRotation(repositoryRoot, folder, certificates),
}

export const scaleParts: readonly string[] = Object.keys(parts)

/** Measures `chosen` of the parts. */
export async function measureScale(chosen: readonly string[]): Promise<readonly ScaleRow[]> {
  // Short, so that the paths of sockets fit.
  const folder = await mkdtemp(join(tmpdir(), 'sv-scale-'))
  const rows: ScaleRow[] = []
  try {
    const certificates = await makeCertificates(folder)
    for (const name of chosen) {
      console.error(`measuring: ${name}`)
      rows.push(...((await parts[name]?.({ folder, certificates })) ?? []))
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
  return rows
}
