import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { chmod, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const setup = fileURLToPath(new URL('../../../scripts/setup.mjs', import.meta.url))

let folder: string

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'svidecar-setup-'))
})

after(() => rm(folder, { recursive: true, force: true }))

/** A folder for PATH with Node, npm and stand-ins that print the given versions. */
async function pathWith(name: string, tools: Readonly<Record<string, string>>): Promise<string> {
  const bin = await mkdtemp(join(folder, `${name}-`))
  await symlink(process.execPath, join(bin, 'node'))
  const found = (process.env['PATH'] ?? '').split(delimiter).map((path) => realpath(join(path, 'npm')))
  await symlink(await Promise.any(found), join(bin, 'npm'))
  for (const [tool, version] of Object.entries(tools)) {
    await writeFile(join(bin, tool), `#!/bin/sh\necho "${version}"\n`)
    await chmod(join(bin, tool), 0o755)
  }
  return bin
}

function runSetup(PATH: string): Promise<{ readonly code: unknown; readonly stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, [setup], { env: { PATH } }, (error, _stdout, stderr) => {
      resolve({ code: error?.code, stderr })
    })
  })
}

test('without Rust and a C compiler the set-up says in a sentence each what is missing and how to get it', async () => {
  const { code, stderr } = await runSetup(await pathWith('bare', {}))
  assert.equal(code, 1)
  const [rust, compiler, ...rest] = stderr.trimEnd().split('\n')
  assert.match(rust ?? '', /^Rust .* is missing: install Rust 1\.88 or newer with rustup.*\.$/)
  assert.match(compiler ?? '', /^A C compiler is missing .*build-essential.*\.$/)
  assert.deepEqual(rest, [])
})

test('a Rust that is too old is named with its version', async () => {
  const tools = { cargo: 'cargo 1.87.0', rustc: 'rustc 1.87.0 (abc 2025-01-01)', cc: 'cc 12' }
  const { code, stderr } = await runSetup(await pathWith('old', tools))
  assert.equal(code, 1)
  assert.match(stderr, /^Rust is too old \(rustc 1\.87\.0/)
})
