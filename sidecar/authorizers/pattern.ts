import {
  parseSpiffeId,
  parseTrustDomain,
  SpiffeError,
  type SpiffeId,
  type TrustDomain,
} from '../../workload-api/index.js'

/** `*` is one segment, `**` one or more at the end; everything else is itself. */
export interface Pattern {
  readonly trustDomain: TrustDomain
  readonly segments: readonly string[]
}

/** A pattern that is none; the message says why and never repeats the text. */
export class PatternError extends Error {
  override readonly name: string = 'PatternError'
  readonly code = 'ERR_PATTERN_INVALID'
}

const scheme = 'spiffe://'

/**
 * Parses a pattern of SPIFFE IDs: `spiffe://example.org/edge/*` + `/edgehub`. The trust domain is literal, `*` stands
 * for one whole segment, `**` for one or more and stands last. No other wildcards: a `*` inside a segment or a regular
 * expression says more than its author means.
 *
 * @throws {PatternError} `ERR_PATTERN_INVALID`
 */
export function parsePattern(text: string): Pattern {
  if (!text.startsWith(scheme)) throw new PatternError('the scheme is not "spiffe://"')
  const [host = '', ...segments] = text.slice(scheme.length).split('/')
  if (host.includes('*')) throw new PatternError('a pattern names its trust domain: no "*" in it')
  if (segments.length === 0) throw new PatternError('a pattern has a path, since every peer has one')
  segments.forEach((segment, index) => {
    if (segment === '**' && index < segments.length - 1) throw new PatternError('"**" can only be the last segment')
    if (segment.includes('*') && segment !== '*' && segment !== '**') {
      throw new PatternError('"*" and "**" stand for whole segments, not for a part of one')
    }
  })
  try {
    // What is not a wildcard obeys the rules of an ID; "x" stands in for what is.
    parseSpiffeId([`${scheme}${host}`, ...segments.map((segment) => segment.replace(/^\*+$/, 'x'))].join('/'))
    return { trustDomain: parseTrustDomain(host), segments }
  } catch (error) {
    if (error instanceof SpiffeError) throw new PatternError(error.message, { cause: error })
    throw error
  }
}

interface Node {
  readonly literals: Map<string, Node>
  any: Node | undefined
  /** A pattern ends here. */
  ends: boolean
  /** A pattern goes on with `**` here. */
  endsInRest: boolean
}

function emptyNode(): Node {
  return { literals: new Map(), any: undefined, ends: false, endsInRest: false }
}

/** Many patterns as one tree by segments: matching walks the segments of the ID, not the patterns. */
export class PatternSet {
  readonly #root = emptyNode()

  constructor(patterns: Iterable<Pattern>) {
    for (const { trustDomain, segments } of patterns) this.#add([trustDomain, ...segments])
  }

  #add(path: readonly string[]): void {
    let node = this.#root
    for (const segment of path) {
      if (segment === '**') {
        node.endsInRest = true
        return
      }
      node = segment === '*' ? (node.any ??= emptyNode()) : childOf(node, segment)
    }
    node.ends = true
  }

  matches(id: SpiffeId): boolean {
    let nodes: readonly Node[] = [this.#root]
    for (const segment of id.slice(scheme.length).split('/')) {
      const next: Node[] = []
      for (const node of nodes) {
        if (node.endsInRest) return true
        const literal = node.literals.get(segment)
        if (literal !== undefined) next.push(literal)
        if (node.any !== undefined) next.push(node.any)
      }
      if (next.length === 0) return false
      nodes = next
    }
    return nodes.some((node) => node.ends)
  }
}

function childOf(node: Node, segment: string): Node {
  const known = node.literals.get(segment)
  if (known !== undefined) return known
  const child = emptyNode()
  node.literals.set(segment, child)
  return child
}
