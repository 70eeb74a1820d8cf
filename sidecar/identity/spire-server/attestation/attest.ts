import { attestAgent, type AttestAgentResponse } from '../api/methods.js'
import { exchange } from '../channel/calls.js'
import type { ServerConnection } from '../channel/server-connection.js'
import { SpireError } from '../spire-error.js'
import type { Attestation } from './attestor.js'

/** The server lets one attestation a second through from each address, and lets the others wait. */
const deadlineMs = 60_000
/** No attestor asks more than once; an endless questioner is none. */
const maxChallenges = 8

/** Attests and has the key of the request certified. Throws `SpireError`, or the signal's reason when it fires. */
export async function attestWith(
  connection: ServerConnection,
  type: string,
  attestation: Attestation,
  csr: Uint8Array,
  signal: AbortSignal,
): Promise<NonNullable<AttestAgentResponse['result']>> {
  const { payload } = attestation
  const options = { signal, deadlineMs, refusal: 'ERR_SPIRE_ATTESTATION_REFUSED' } as const
  return exchange(connection, attestAgent, options, async ({ ask }) => {
    let answer = await ask({ params: { data: { type, payload }, params: { csr } } })
    for (let asked = 0; asked < maxChallenges; asked += 1) {
      if (answer.result !== undefined) return answer.result
      answer = await ask({ challengeResponse: await attestation.answer(answer.challenge) })
    }
    throw new SpireError('ERR_SPIRE_RESPONSE_INVALID', 'the server challenges without end')
  })
}
