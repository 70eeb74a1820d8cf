import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { until } from '../../scenarios/running-sidecar.js'

/** Shell programs that write down what happens to them. */
export class Recorder {
  readonly folder: string

  constructor(t: TestContext) {
    this.folder = mkdtempSync(join(tmpdir(), 'sp-'))
    t.after(() => rmSync(this.folder, { recursive: true, force: true }))
  }

  /** The path of a program with this body; `$OUT` in it is the folder. */
  program(name: string, body: string): string {
    const path = join(this.folder, name)
    writeFileSync(path, `#!/bin/sh\nOUT=${this.folder}\n${body}\n`)
    chmodSync(path, 0o755)
    return path
  }

  path(name: string): string {
    return join(this.folder, name)
  }

  text(name: string): string {
    return existsSync(this.path(name)) ? readFileSync(this.path(name), 'utf8') : ''
  }

  /** The lines of a file once there are so many. */
  async lines(name: string, count: number): Promise<readonly string[]> {
    return until(`${count} lines in ${name}`, () => {
      const lines = this.text(name).split('\n').slice(0, -1)
      return lines.length >= count ? lines : undefined
    })
  }
}

/** Waits until a process is gone. */
export async function gone(pid: number): Promise<void> {
  await until(`process ${pid} is gone`, () => {
    const stat = existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, 'latin1') : undefined
    return stat === undefined || /\) Z /.test(stat) ? true : undefined
  })
}
