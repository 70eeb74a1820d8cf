import { createHash } from 'node:crypto'
import { unlink } from 'node:fs/promises'
import { errorText } from '../../../log/logger.js'
import { SpireError } from '../spire-error.js'
import type { Attestation, Attestor } from './attestor.js'
import { readSmallFile } from './read-file.js'

export interface JoinTokenOptions {
  readonly tokenFile: string
  /** Told when the file of a spent token cannot be removed. */
  readonly onWarning: (text: string) => void
}

const maxTokenBytes = 1024
/** Of the server: the token was used, never existed, or its time is over. Nothing but another token helps. */
const spentToken = /join token (?:does not exist|has already been used|expired)/

/** Attests with a token that the server gave out for one use. The agent it makes can renew itself, never attest again. */
export class JoinToken implements Attestor {
  readonly type = 'join_token'
  readonly #options: JoinTokenOptions
  /** Digest of the token the server refused: asking again with it would only fill the server's log. */
  #spent: string | undefined

  constructor(options: JoinTokenOptions) {
    this.#options = options
  }

  async begin(): Promise<Attestation> {
    const { tokenFile } = this.#options
    const token = (await readSmallFile(tokenFile, maxTokenBytes, 'ERR_SPIRE_TOKEN_UNREADABLE'))
      .toString('latin1')
      .trim()
    if (!/^[\x21-\x7e]+$/.test(token)) {
      throw new SpireError(
        'ERR_SPIRE_TOKEN_UNREADABLE',
        `"${tokenFile}" holds no token: one line of printable characters`,
      )
    }
    const digest = createHash('sha256').update(token).digest('hex')
    if (digest === this.#spent) throw new SpireError('ERR_SPIRE_TOKEN_SPENT', `the token in "${tokenFile}" was refused`)
    return {
      payload: Buffer.from(token, 'latin1'),
      answer: () => {
        throw new SpireError('ERR_SPIRE_RESPONSE_INVALID', 'the server challenges a join token')
      },
      refused: (error) => {
        if (!(error instanceof SpireError) || !spentToken.test(error.message)) return error
        this.#spent = digest
        return new SpireError('ERR_SPIRE_TOKEN_SPENT', error.message, { cause: error })
      },
      kept: () => this.#remove(),
    }
  }

  async #remove(): Promise<void> {
    const { tokenFile, onWarning } = this.#options
    try {
      await unlink(tokenFile)
    } catch (error) {
      onWarning(
        `the spent join token "${tokenFile}" could not be removed: ${errorText(error)}; it is of no use to anybody`,
      )
    }
  }
}
