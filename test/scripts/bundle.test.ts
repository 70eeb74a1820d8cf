import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { commands } from '../../sidecar/cli/commands.js'
import { repositoryRoot } from '../repository-root.js'

const folder = join(repositoryRoot, 'dist', 'bin')

/** The file and every file of the bundle that is opened with it. */
function openedWith(name: string, opened = new Set<string>()): ReadonlySet<string> {
  if (opened.has(name)) return opened
  opened.add(name)
  const source = readFileSync(join(folder, name), 'utf8')
  for (const [, imported = ''] of source.matchAll(/^(?:import|export|\}) ?(?:.* ?from )?"\.\/([^"]+)"/gm)) {
    openedWith(imported, opened)
  }
  return opened
}

function holdsGrpc(name: string): boolean {
  return [...openedWith(name)].some((file) => readFileSync(join(folder, file), 'utf8').includes('@grpc/grpc-js'))
}

test('every command is in the bundle', () => {
  for (const { name } of commands) assert.ok(existsSync(join(folder, `${name}-command.js`)), name)
})

test('what asks a running sidecar opens no gRPC, as a probe runs it every few seconds', () => {
  for (const name of ['health', 'reload', 'status', 'validate']) assert.equal(holdsGrpc(`${name}-command.js`), false)
  assert.equal(holdsGrpc('run-command.js'), true)
})
