import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { prepareLab, runLab } from './lab.js'
import { type RunningSidecar, until } from './running-sidecar.js'

/**
 * A folder with an agent (the embedded authority, in a process of its own) and an empty `certs`. Its
 * programs end when the folder is gone: a sidecar that is killed leaves them behind.
 */
export interface HelperLab {
  readonly folder: string
  readonly certs: string
  readonly agent: RunningSidecar
  readonly agentSocket: string
  /** The path of a shell program in the folder; `$OUT` in it is the folder. */
  program(name: string, body: string): string
  text(name: string): string
  lines(name: string, count: number): Promise<readonly string[]>
}

export async function startHelperLab(t: TestContext, svidTtl = '1h'): Promise<HelperLab> {
  const lab = prepareLab(t, [], { svidTtl })
  const { folder } = lab
  const certs = join(folder, 'certs')
  mkdirSync(certs)
  const agent = runLab(t, lab, '')
  await agent.ready()
  const text = (name: string) => (existsSync(join(folder, name)) ? readFileSync(join(folder, name), 'utf8') : '')
  return {
    folder,
    certs,
    agent,
    agentSocket: lab.authoritySocket,
    program: (name, body) => {
      const path = join(folder, name)
      writeFileSync(path, `#!/bin/sh\nOUT=${folder}\n${body}\n`)
      chmodSync(path, 0o755)
      return path
    },
    text,
    lines: (name, count) =>
      until(`${count} lines in ${name}`, () => {
        const lines = text(name).split('\n').slice(0, -1)
        return lines.length >= count ? lines : undefined
      }),
  }
}

/** The three files of spiffe-helper's examples. */
export const helperFiles = `svid_file_name = "svid.pem"
svid_key_file_name = "svid_key.pem"
svid_bundle_file_name = "svid_bundle.pem"
`
