import { status, type ServiceError } from '@grpc/grpc-js'
import { escapeText } from '../../../log/escape-text.js'
import { reasonOfDenial } from '../api/denial.js'
import type { Method } from '../api/methods.js'
import { denialCodes, SpireError, type SpireErrorCode } from '../spire-error.js'
import type { ServerConnection } from './server-connection.js'

export interface CallOptions {
  readonly signal: AbortSignal
  readonly deadlineMs: number
  /** What it is when the server understood the call and says no to it. */
  readonly refusal?: SpireErrorCode
}

const maxShownDetails = 200

/** One request, one answer. Throws `SpireError`, or the signal's reason when it fires. */
export async function call<Request, Response>(
  connection: ServerConnection,
  { path, requestSerialize, responseDeserialize }: Method<Request, Response>,
  request: Partial<Request>,
  options: CallOptions,
): Promise<Response> {
  const { signal, deadlineMs } = options
  signal.throwIfAborted()
  const since = new Date()
  let abort = (): void => {}
  try {
    return await new Promise<Response>((resolve, reject) => {
      const made = connection.client.makeUnaryRequest(
        path,
        requestSerialize,
        responseDeserialize,
        request,
        { deadline: Date.now() + deadlineMs },
        (error, response) => {
          if (error) reject(error)
          else if (response) resolve(response)
          else reject(new SpireError('ERR_SPIRE_RESPONSE_INVALID', 'the server answered nothing'))
        },
      )
      abort = () => made.cancel()
      signal.addEventListener('abort', abort, { once: true })
    })
  } catch (error) {
    throw await judged(error, since, connection, options)
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

/** A call in which both sides say something in turn. */
export interface Exchange<Request, Response> {
  /** What the server says next. Throws `SpireError`, also when it says nothing more, or the signal's reason. */
  readonly ask: (request: Partial<Request> | undefined) => Promise<Response>
}

/** Runs `talk` within one call of both streams and ends it. */
export async function exchange<Request, Response, Result>(
  connection: ServerConnection,
  { path, requestSerialize, responseDeserialize }: Method<Request, Response>,
  options: CallOptions,
  talk: (exchange: Exchange<Request, Response>) => Promise<Result>,
): Promise<Result> {
  const { signal, deadlineMs } = options
  signal.throwIfAborted()
  const since = new Date()
  const stream = connection.client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, {
    deadline: Date.now() + deadlineMs,
  })
  const answers: AsyncIterator<Response> = stream[Symbol.asyncIterator]()
  // An error that comes while nobody asks must not end the process; whoever asks next gets it.
  stream.on('error', () => {})
  const abort = () => stream.cancel()
  signal.addEventListener('abort', abort, { once: true })
  const ask = async (request: Partial<Request> | undefined) => {
    if (request !== undefined) stream.write(request)
    const { done, value } = await answers.next()
    if (done !== true) return value
    throw new SpireError('ERR_SPIRE_RESPONSE_INVALID', 'the server ended the call before its answer')
  }
  try {
    return await talk({ ask })
  } catch (error) {
    throw await judged(error, since, connection, options)
  } finally {
    signal.removeEventListener('abort', abort)
    stream.end()
    stream.cancel()
  }
}

/** The one place where what came of a call becomes an error of ours. */
async function judged(
  error: unknown,
  since: Date,
  connection: ServerConnection,
  options: CallOptions,
): Promise<unknown> {
  if (options.signal.aborted) return options.signal.reason
  if (!isServiceError(error)) return error
  const { code } = error
  if (code === status.PERMISSION_DENIED) return denial(error)
  // gRPC tells a connection that broke from a server that fails by neither of the two.
  const unanswered = code === status.UNAVAILABLE || code === status.INTERNAL || code === status.DEADLINE_EXCEEDED
  const fault = unanswered ? await connection.fault(since) : undefined
  return (
    fault ??
    new SpireError(codes[code] ?? options.refusal ?? 'ERR_SPIRE_SERVER_FAILED', textOf(error), { cause: error })
  )
}

const codes: Readonly<Partial<Record<status, SpireErrorCode>>> = {
  [status.UNAVAILABLE]: 'ERR_SPIRE_SERVER_UNREACHABLE',
  [status.DEADLINE_EXCEEDED]: 'ERR_SPIRE_SERVER_SILENT',
  [status.RESOURCE_EXHAUSTED]: 'ERR_SPIRE_SERVER_BUSY',
  [status.UNIMPLEMENTED]: 'ERR_SPIRE_SERVER_TOO_OLD',
}

function denial(error: ServiceError): SpireError {
  // To one that attests, the server gives this reason in words only.
  const reason = /agent is banned/.test(error.details) ? 'agentBanned' : reasonOfDenial(error.metadata)
  const [code, text] = denialCodes[reason]
  return new SpireError(code, text, { cause: error })
}

/** The server's own words: whoever administers it needs them to find the place in its log. */
export function serverText(details: string): string {
  return escapeText(details.length > maxShownDetails ? `${details.slice(0, maxShownDetails)}…` : details)
}

function textOf({ code, details }: ServiceError): string {
  return `the server answers ${status[code]}: ${serverText(details)}`
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' && 'details' in error
}
