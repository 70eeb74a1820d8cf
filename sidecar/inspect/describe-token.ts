import {
  JwtBundle,
  JwtSvid,
  SpiffeError,
  trustDomainOf,
  validateJwtSvid,
  type JwtBundleSet,
} from '../../workload-api/index.js'
import { formatDuration } from '../admin/format-quantity.js'
import type { Description } from './describe-chain.js'

const form = /^\s*([\w-]+\.[\w-]+\.[\w-]*)\s*$/u
/** Told in rows of their own. */
const ownRows: ReadonlySet<string> = new Set(['sub', 'aud', 'exp', 'iat'])
const maxClaimLength = 200

/** The token a text is, or undefined: a compact JWS, whatever it says. */
export function tokenOf(text: string): string | undefined {
  return form.exec(text)?.[1]
}

/**
 * Tells what a token says, and judges it when there is a bundle. Neither the token nor its signature is shown: with what
 * is shown nobody can be the workload.
 */
export async function describeToken(token: string, bundle: Buffer | undefined, now: Date): Promise<Description> {
  const svid = read(token)
  if (svid instanceof SpiffeError) {
    return { title: 'JWT-SVID', rows: [['verdict', `NOT VALID: ${svid.message}`]], faults: [svid.message] }
  }
  const { text, faults } = await judge(svid, bundle, now)
  return {
    title: 'JWT-SVID',
    rows: [
      ['SPIFFE ID', svid.id],
      ['audience', svid.audience.join(', ')],
      ['valid', validityOf(svid, now)],
      ...headerRows(token),
      ...Object.entries(svid.claims).flatMap(([name, value]) => claimRow(name, value)),
      ['verdict', text],
    ],
    faults,
  }
}

function read(token: string): JwtSvid | SpiffeError {
  try {
    return JwtSvid.unsafeParse(token)
  } catch (error) {
    if (error instanceof SpiffeError) return error
    throw error
  }
}

function validityOf({ expiresAt, claims }: JwtSvid, now: Date): string {
  const left = expiresAt.getTime() - now.getTime()
  const state = left > 0 ? `${formatDuration(left)} left` : `expired ${formatDuration(-left)} ago`
  const { iat } = claims
  const from = typeof iat === 'number' && Math.abs(iat) < 8.64e12 ? `${new Date(iat * 1000).toISOString()} ` : ''
  return `${from}to ${expiresAt.toISOString()} (${state})`
}

function headerRows(token: string): readonly (readonly [string, string])[] {
  const header = JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()) as Record<string, unknown>
  return ['alg', 'kid'].flatMap((name) => (typeof header[name] === 'string' ? [[name, header[name]] as const] : []))
}

function claimRow(name: string, value: unknown): readonly (readonly [string, string])[] {
  if (ownRows.has(name)) return []
  const text = JSON.stringify(value)
  return [[`claim ${name}`, text.length > maxClaimLength ? `${text.slice(0, maxClaimLength)}…` : text]]
}

async function judge(svid: JwtSvid, bundle: Buffer | undefined, time: Date): Promise<Judgement> {
  if (bundle === undefined) {
    if (svid.expiresAt > time) return { text: 'who signed it was not checked: give -bundle FILE', faults: [] }
    return { text: 'NOT VALID: it expired', faults: ['the token expired'] }
  }
  try {
    const bundles: JwtBundleSet = new Map([[trustDomainOf(svid.id), JwtBundle.parse(trustDomainOf(svid.id), bundle)]])
    await validateJwtSvid(svid.marshal(), bundles, { audience: svid.audience, time })
    return { text: "valid, signed by its trust domain's authority, for whoever is its audience", faults: [] }
  } catch (error) {
    if (!(error instanceof SpiffeError)) throw error
    return { text: `NOT VALID: ${error.message}`, faults: [error.message] }
  }
}

interface Judgement {
  readonly text: string
  readonly faults: readonly string[]
}
