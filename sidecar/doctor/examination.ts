/** How far a source can get, in this order: what lies behind a failure cannot be known. */
export const steps = ['socket', 'connection', 'request', 'entries', 'bundle', 'choice'] as const
export type Step = (typeof steps)[number]

/** What was found at one step. */
export interface Finding {
  readonly step: Step
  readonly state: 'ok' | 'failed' | 'not reached'
  /** What there is, or what to check. Not escaped. */
  readonly text: string
}

/** How far one configured source gets. */
export interface Examination {
  /** `identity "edge": SPIRE agent at unix:///run/agent.sock`. */
  readonly title: string
  /** One for each step. */
  readonly findings: readonly Finding[]
}

/** Notes what was found, step by step; the first failure ends it. */
export class Findings {
  readonly #found = new Map<Step, Finding>()

  ok(step: Step, text: string): void {
    this.#found.set(step, { step, state: 'ok', text })
  }

  failed(step: Step, text: string): void {
    this.#found.set(step, { step, state: 'failed', text })
  }

  get all(): readonly Finding[] {
    const failure = steps.findIndex((step) => this.#found.get(step)?.state === 'failed')
    return steps.map((step, index) => {
      const found = failure === -1 || index <= failure ? this.#found.get(step) : undefined
      return found ?? { step, state: failure === -1 || index > failure ? 'not reached' : 'ok', text: '' }
    })
  }
}

export function hasFailed({ findings }: Examination): boolean {
  return findings.some(({ state }) => state === 'failed')
}
