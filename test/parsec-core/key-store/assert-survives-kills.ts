import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { openProvider, openSigner, type ProviderSettings } from '../../../parsec-core/index.js'

const program = fileURLToPath(new URL('key-making-program.js', import.meta.url))

/** A provider whose keys outlive it. */
export interface KilledProvider {
  readonly type: string
  readonly settings: ProviderSettings
  /** Keys to begin making in all. */
  readonly generates: number
  /** About how long one key takes; kills fall anywhere in it. */
  readonly generateMs: number
  /** A process is killed at one of its first so many keys: more where a process takes long to start. */
  readonly keysInRun: number
}

interface Said {
  readonly making: readonly string[]
  readonly made: readonly string[]
}

/**
 * Makes keys in processes that are killed at random points, the same ones at each run. Afterwards every key that was
 * reported made is there and signs, nothing else is but keys that were being made, and what these left on the device
 * is found. Answers how many kills fell between the making of a key and its report.
 */
export async function assertSurvivesKills(killed: KilledProvider): Promise<{ kills: number; orphans: number }> {
  const random = seededRandom(20)
  const making: string[] = []
  const made: string[] = []
  let kills = 0
  while (making.length < killed.generates) {
    const said = await runUntilKilled(killed, making.length, random)
    making.push(...said.making)
    made.push(...said.made)
    kills += 1
  }
  const provider = await openProvider({ name: 'survivor', ...killed })
  try {
    const kept = provider.listKeys().map(({ identity }) => identity.keyName)
    assert.deepEqual(
      made.filter((name) => !kept.includes(name)),
      [],
      'a key reported made is lost',
    )
    assert.deepEqual(
      kept.filter((name) => !making.includes(name)),
      [],
      'a key is there that nobody made',
    )
    for (const { identity, missing } of provider.listKeys()) {
      assert.equal(missing, undefined)
      await (await openSigner(provider, identity)).sign('EcdsaSha256', Buffer.from('still here'))
    }
    const check = await provider.checkKeys?.()
    assert.deepEqual(check?.missing, [])
    const orphans = check?.orphans ?? []
    assert.ok(kept.length - made.length + orphans.length <= kills, 'a kill leaves one key at most')
    for (const orphan of orphans) await provider.destroyOrphan?.(orphan)
    assert.deepEqual((await provider.checkKeys?.())?.orphans, [])
    return { kills, orphans: orphans.length }
  } finally {
    await provider.close()
  }
}

async function runUntilKilled(killed: KilledProvider, first: number, random: () => number): Promise<Said> {
  const { type, settings } = killed
  const child = spawn(process.execPath, [program, type, JSON.stringify(settings), String(first)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = once(child, 'exit')
  const making: string[] = []
  const made: string[] = []
  let left = 1 + Math.floor(random() * killed.keysInRun)
  const delayMs = random() * killed.generateMs
  for await (const line of createInterface({ input: child.stdout })) {
    const [what, name] = line.split(' ')
    assert.ok(name)
    if (what === 'made') made.push(name)
    else {
      making.push(name)
      left -= 1
      if (left === 0) void sleep(delayMs).then(() => child.kill('SIGKILL'))
    }
  }
  const [, signal] = await ended
  assert.equal(signal, 'SIGKILL', 'the program made keys until it was killed')
  return { making, made }
}

/** mulberry32: the same points at each run. */
function seededRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
