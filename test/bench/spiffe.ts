/**
 * `npm run bench -- spiffe`: what the SPIFFE library costs in one process. A reading below its target ends in exit code 1.
 * `--quick`: does it run at all; the numbers mean little.
 */
import { parseSpiffeId, validateJwtSvid, verifyX509Svid } from '../../workload-api/index.js'
import { FakeCa } from '../fakes/fake-ca.js'
import { bundlesOf, FakeJwtIssuer } from '../workload-api/material.js'
import { measureUpdates } from './spiffe-server.js'

interface Row {
  readonly metric: string
  readonly value: number
  readonly unit: string
  readonly target: number
  /** Whether less is better. */
  readonly less: boolean
}

const quick = process.argv.includes('--quick')
const seconds = quick ? 0.05 : 2
const rounds = quick ? 1 : 3

/** The median rate of some rounds of `work`, which does `each` at a time. */
async function perSecond(work: () => unknown, each = 1): Promise<number> {
  const rates: number[] = []
  for (let round = 0; round < rounds; round += 1) {
    const started = performance.now()
    let done = 0
    while (performance.now() - started < seconds * 1000) {
      // Only what is a promise is waited for, or the waiting would be what is measured.
      const result = work()
      if (result instanceof Promise) await result
      done += each
    }
    rates.push((done * 1000) / (performance.now() - started))
  }
  return rates.toSorted((a, b) => a - b)[Math.floor(rates.length / 2)] ?? 0
}

function rate(metric: string, value: number, target: number): Row {
  return { metric, value, unit: '/s', target, less: false }
}

async function idRow(): Promise<Row> {
  const ids = Array.from({ length: 1_000 }, (_, index) => `spiffe://example.org/region/eu-1/workload/billing-${index}`)
  return rate('parseSpiffeId', await perSecond(() => ids.forEach((id) => parseSpiffeId(id)), ids.length), 1_000_000)
}

async function x509Row(): Promise<Row> {
  const ca = FakeCa.create('example.org')
  const { chain } = ca.intermediate().issue('/workload')
  const bundles = bundlesOf(ca, ...['a', 'b', 'c', 'd'].map((name) => FakeCa.create(`${name}.org`)))
  const work = (): void => {
    for (let turn = 0; turn < 50; turn += 1) verifyX509Svid(chain, bundles, { usage: 'client' })
  }
  return rate('verifyX509Svid, one intermediate, P-256', await perSecond(work, 50), 5_000)
}

async function jwtRows(): Promise<readonly Row[]> {
  const issuer = new FakeJwtIssuer('example.org')
  const tokens = Array.from({ length: 64 }, (_, index) => issuer.issue({ jti: `${index}` }))
  const [token = ''] = tokens
  // Once, as a source holds them: the keys are prepared at their first use.
  const { bundles } = issuer
  const options = { audience: ['audience'] }
  const one = (): Promise<unknown> => validateJwtSvid(token, bundles, options)
  const many = (): Promise<unknown> => Promise.all(tokens.map((each) => validateJwtSvid(each, bundles, options)))
  await many()
  return [
    rate('ES256 JWT-SVID, one at a time', await perSecond(one), 2_500),
    rate('ES256 JWT-SVID, 64 in flight', await perSecond(many, 64), 8_000),
  ]
}

async function updateRow(): Promise<Row> {
  const workloads = quick ? 20 : 1_000
  const value = await measureUpdates({ workloads, bundles: 5, rounds })
  return {
    metric: `CPU of the server, ${workloads} workloads' updates of 5 bundles`,
    value,
    unit: 's',
    target: 2,
    less: true,
  }
}

function line({ metric, value, unit, target, less }: Row): string {
  const digits = less ? 2 : 0
  const met = less ? value < target : value >= target
  const bound = `${less ? '<' : '>='} ${target} ${unit}`
  return `${metric.padEnd(56)} ${`${value.toFixed(digits)} ${unit}`.padStart(14)}   ${bound.padEnd(14)} ${met ? 'met' : 'missed'}`
}

const rows = [await idRow(), await x509Row(), ...(await jwtRows()), await updateRow()]
const lines = rows.map(line)
process.stdout.write(`${lines.join('\n')}\n`)
if (!quick && lines.some((text) => text.endsWith('missed'))) process.exitCode = 1
