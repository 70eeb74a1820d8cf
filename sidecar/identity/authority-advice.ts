import { status } from '@grpc/grpc-js'
import { ParsecError } from '../../parsec-core/index.js'
import { SpiffeError } from '../../workload-api/index.js'
import { grpcStatusOf } from './authority-client.js'
import type { IdentityEvent } from './identity-source.js'

type Advice = Pick<IdentityEvent, 'kind' | 'advice'>

/** The address asked, and the ID asked for. */
interface Question {
  readonly where: string
  readonly id: string
}

/** What waiting can mend, and what to look at meanwhile, by the status of the call. */
const waiting: ReadonlyMap<status, (question: Question) => string> = new Map([
  [status.UNAVAILABLE, ({ where }) => `no authority answers at ${where}: is it running, and may this user connect?`],
  [status.DEADLINE_EXCEEDED, ({ where }) => `the authority at ${where} does not answer: is it stopped or overloaded?`],
  [
    status.PERMISSION_DENIED,
    ({ id }) => `register uid ${process.getuid?.()} for ${id} in the authority's registration file`,
  ],
  [status.RESOURCE_EXHAUSTED, ({ where }) => `the authority at ${where} limits how often a uid may ask: ask for less`],
])

/** What will fail again unless somebody changes something. */
const failed: ReadonlyMap<status, (question: Question) => string> = new Map([
  [
    status.INVALID_ARGUMENT,
    ({ where }) => `the authority at ${where} refuses the request: check spiffe_id and key_type`,
  ],
  [
    status.UNIMPLEMENTED,
    ({ where }) => `${where} is no embedded authority: for a SPIRE agent write source = "workload-api"`,
  ],
])

/** What an operator should look at, by what came of a request to the authority. */
export function adviceOf(error: unknown, question: Question): Advice {
  const code = grpcStatusOf(error)
  if (code !== undefined) return adviceOfStatus(code, question)
  if (error instanceof ParsecError) {
    return { kind: 'failed', advice: 'the key provider failed: check its device and its key_provider block' }
  }
  if (error instanceof SpiffeError && error.code === 'ERR_X509_SVID_NOT_YET_VALID') {
    return { kind: 'failed', advice: `the SVID from ${question.where} is not valid yet: is a clock wrong?` }
  }
  return { kind: 'failed', advice: `what ${question.where} sent is not usable: is it the authority of ${question.id}?` }
}

function adviceOfStatus(code: status, question: Question): Advice {
  const wait = waiting.get(code)
  if (wait) return { kind: 'waiting', advice: wait(question) }
  const advice = failed.get(code)?.(question) ?? `the authority at ${question.where} failed: look at its log`
  return { kind: 'failed', advice }
}
