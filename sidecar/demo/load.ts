import { request, type ClientRequest } from 'node:http'

const requestTimeoutMs = 5000

/** What a stretch of load came to. */
export interface LoadResult {
  requests: number
  failures: number
  readonly reasons: Map<string, number>
  /** Requests answered in each whole second. */
  slowestSecond: number
}

function fetchOnce(port: number, number: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const expected = `hello from the backend, ${number}\n`
    // `agent: false`: a connection of its own, so a TLS handshake of its own, for every request.
    const options = {
      host: '127.0.0.1',
      port,
      agent: false,
      timeout: requestTimeoutMs,
      headers: { 'x-request': String(number), connection: 'close' },
    }
    const call = request(options, (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => (body += chunk))
      response.on('error', reject)
      response.on('end', () => (body === expected ? resolve() : reject(new Error('wrong answer'))))
    })
    call.on('timeout', () => call.destroy(new Error('no answer in time')))
    call.on('error', reject)
    call.end()
  })
}

/** Sends a request on a new connection `perSecond` times a second until the signal fires. */
export async function runLoad(port: number, perSecond: number, signal: AbortSignal): Promise<LoadResult> {
  const result: LoadResult = { requests: 0, failures: 0, reasons: new Map(), slowestSecond: Number.POSITIVE_INFINITY }
  const underway = new Set<Promise<void>>()
  let answeredThisSecond = 0
  const launch = () => {
    result.requests += 1
    const one = fetchOnce(port, result.requests).then(
      () => {
        answeredThisSecond += 1
      },
      (error: Error) => {
        result.failures += 1
        result.reasons.set(error.message, (result.reasons.get(error.message) ?? 0) + 1)
      },
    )
    underway.add(one)
    void one.finally(() => underway.delete(one))
  }
  const startedAt = performance.now()
  const ticking = setInterval(() => {
    // Catches up after a stall of this process, so that the rate is kept over the whole run.
    const due = Math.floor(((performance.now() - startedAt) / 1000) * perSecond)
    while (result.requests < due) launch()
  }, 1000 / perSecond)
  const counting = setInterval(() => {
    result.slowestSecond = Math.min(result.slowestSecond, answeredThisSecond)
    answeredThisSecond = 0
  }, 1000)
  await new Promise<void>((resolve) => {
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
  clearInterval(ticking)
  clearInterval(counting)
  await Promise.all(underway)
  return result
}

/** One connection through all rotations, a numbered line every tenth of a second, each expected back. */
export class HeldConnection {
  sent = 0
  received = 0
  failure: string | undefined
  readonly #call: ClientRequest
  readonly #writing: NodeJS.Timeout
  #rest = ''
  #ended = false

  constructor(port: number) {
    this.#call = request({ host: '127.0.0.1', port, path: '/echo', method: 'POST', agent: false }, (response) => {
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => this.#receive(chunk))
      response.on('error', (error) => this.#fail(error))
      response.on('end', () => this.#ended || this.#fail(new Error('the held connection was closed')))
    })
    this.#call.on('error', (error) => this.#fail(error))
    this.#writing = setInterval(() => {
      this.sent += 1
      this.#call.write(`${this.sent}\n`)
    }, 100)
  }

  /** Ends the stream in order; afterwards everything sent must have come back. */
  async end(): Promise<void> {
    clearInterval(this.#writing)
    this.#ended = true
    if (this.failure !== undefined) return
    await new Promise<void>((resolve) => {
      this.#call.once('close', () => resolve())
      this.#call.end()
    })
    if (this.received !== this.sent) this.#fail(new Error(`${this.sent} lines sent, ${this.received} came back`))
  }

  #receive(chunk: string): void {
    const lines = (this.#rest + chunk).split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) {
      this.received += 1
      if (line !== String(this.received)) this.#fail(new Error(`line ${this.received} came back as "${line}"`))
    }
  }

  #fail(error: Error): void {
    clearInterval(this.#writing)
    this.failure ??= error.message
  }
}
