import { parsePattern } from '../authorizers/index.js'
import { formatAddress, parseAddress } from '../config/index.js'
import { isSpiffeId, pathOf } from '../../workload-api/index.js'

/** What of a ghostunnel command line has a counterpart here. */
export interface GhostunnelTunnel {
  readonly mode: 'server' | 'client'
  readonly listen: string | undefined
  readonly target: string | undefined
  readonly ids: readonly string[]
  readonly patterns: readonly string[]
  readonly unsafePlaintext: boolean
  /** What has none, a sentence each; then the tunnel is not the same thing. */
  readonly notes: readonly string[]
}

/** Whom the other side must be; the second name of each is ghostunnel's older one, the last of its KubeEdge branch. */
const peerFlags = {
  server: new Set(['--allow-uri', '--allow-uri-san']),
  client: new Set(['--verify-uri', '--verify-uri-san', '--verify-spiffe-id']),
} as const
/** Files and reloading: the identity is here, and rotates by itself. */
const replaced = new Set(['--keystore', '--cacert', '--cert', '--key', '--storepass', '--timed-reload'])
const switches = { server: '--unsafe-target', client: '--unsafe-listen' } as const

/** Reads the arguments after the program; undefined when they are no `server` or `client` line. */
export function readGhostunnelArguments(args: readonly string[]): GhostunnelTunnel | undefined {
  const mode = args.find((word) => word === 'server' || word === 'client')
  if (mode === undefined) return undefined
  const reader = new ArgumentReader(mode)
  const words = [...args]
  words.splice(words.indexOf(mode), 1)
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    const [flag, inline] = splitOnce(word)
    if (!flag.startsWith('--')) reader.note(`"${word}" is no flag`)
    else if (flag === switches[mode]) reader.unsafePlaintext = true
    else reader.read(flag, inline ?? (words[0]?.startsWith('--') === false ? words.shift() : undefined))
  }
  return reader.tunnel()
}

function splitOnce(word: string): readonly [string, string | undefined] {
  const at = word.indexOf('=')
  return at === -1 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)]
}

class ArgumentReader {
  unsafePlaintext = false
  readonly #mode: 'server' | 'client'
  readonly #ids = new Set<string>()
  readonly #patterns = new Set<string>()
  readonly #notes: string[] = []
  #listen: string | undefined
  #target: string | undefined

  constructor(mode: 'server' | 'client') {
    this.#mode = mode
  }

  note(text: string): void {
    this.#notes.push(text)
  }

  read(flag: string, value: string | undefined): void {
    if (replaced.has(flag)) return
    if (flag === '--listen') this.#listen = this.#address(flag, value)
    else if (flag === '--target') this.#target = this.#address(flag, value)
    else if (peerFlags[this.#mode].has(flag)) this.#peer(flag, value)
    else this.note(`${flag}${value === undefined ? '' : ` ${value}`} has no counterpart here`)
  }

  tunnel(): GhostunnelTunnel {
    if (this.#listen === undefined) this.note('there is no --listen: "listen" is needed')
    if (this.#target === undefined) this.note('there is no --target: "target" is needed')
    if (this.#ids.size + this.#patterns.size === 0) {
      this.note('no flag says by URI who the other side must be: name it in "allow"')
    }
    return {
      mode: this.#mode,
      listen: this.#listen,
      target: this.#target,
      ids: [...this.#ids],
      patterns: [...this.#patterns],
      unsafePlaintext: this.unsafePlaintext,
      notes: this.#notes,
    }
  }

  /** Go listens on every address where no host is given. */
  #address(flag: string, value = ''): string | undefined {
    const parsed = parseAddress(value.startsWith(':') ? `[::]${value}` : value)
    if ('value' in parsed) return formatAddress(parsed.value)
    this.note(`${flag} ${value} ${parsed.fault}`)
    return undefined
  }

  /** To ghostunnel a slash at the end says nothing, and `**` is none or more segments, where it is one or more here. */
  #peer(flag: string, written = ''): void {
    const value = written.replace(/(?<=.)\/$/, '')
    if (isWorkloadId(value)) this.#ids.add(value)
    else if (flag !== '--verify-spiffe-id' && isPattern(value)) {
      this.#patterns.add(value)
      const above = value.endsWith('/**') ? value.slice(0, -'/**'.length) : ''
      if (isWorkloadId(above)) this.#ids.add(above)
      else if (above.includes('*') && isPattern(above)) this.#patterns.add(above)
    } else this.note(`${flag} ${written} is neither a SPIFFE ID nor a pattern of them`)
  }
}

/** With a path; one without is a trust domain's. */
function isWorkloadId(text: string): boolean {
  return isSpiffeId(text) && pathOf(text) !== ''
}

function isPattern(text: string): boolean {
  try {
    parsePattern(text)
    return true
  } catch {
    return false
  }
}
