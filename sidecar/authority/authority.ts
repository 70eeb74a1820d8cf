import { X509Certificate } from 'node:crypto'
import type { Provider } from '../../parsec-core/index.js'
import { parseTrustDomain, type TrustDomain } from '../../workload-api/index.js'
import type { AuthorityStatus } from '../admin/status.js'
import { Alarm } from '../clock/alarm.js'
import { formatAddress, type AuthorityConfig } from '../config/index.js'
import { errorText, type LogFields, type Logger } from '../log/logger.js'
import { RefusalLimiter } from '../log/refusal-limiter.js'
import { AuthorityEndpoint } from './authority-endpoint.js'
import { createAuthorityService } from './authority-service.js'
import type { RotationStep } from './ca-schedule.js'
import { CertificateAuthority } from './certificate-authority.js'
import { openRegistrations, type Registrations } from './registrations.js'
import { RequestLimiter } from './request-limiter.js'
import { RootKeys } from './root-keys.js'
import { openRootStore } from './root-store.js'
import type { Root } from './root.js'
import { addWorkloadApiFor } from './workload-api-service.js'
import { WorkloadContexts } from './workload-contexts.js'

export interface AuthorityDependencies {
  /** Holds the keys of the authority; stays the caller's. */
  readonly provider: Provider
  readonly log: Logger
}

/** Everything an authority is made of, opened. */
interface Parts {
  readonly authority: CertificateAuthority
  readonly registrations: Registrations
  readonly contexts: WorkloadContexts
  readonly endpoint: AuthorityEndpoint
  readonly refusals: RefusalLimiter
  readonly issued: { count: number }
}

/**
 * The embedded authority: a certificate authority of one trust domain behind a unix socket that serves the SPIFFE
 * Workload API and `svidecar.authority.v1.Authority`. Its callers are known by their uid.
 */
export class Authority {
  readonly #config: AuthorityConfig
  readonly #parts: Parts
  readonly #alarm = new Alarm()
  readonly #rotating: Promise<void>
  #closed = false

  private constructor(config: AuthorityConfig, parts: Parts) {
    this.#config = config
    this.#parts = parts
    this.#rotating = this.#rotate()
  }

  /**
   * Opens everything or nothing. Throws `AuthorityError`, `ParsecError`, `ConfigError` (the registration file),
   * `SocketError`.
   */
  static async open(config: AuthorityConfig, dependencies: AuthorityDependencies): Promise<Authority> {
    return new Authority(config, await openParts(config, dependencies))
  }

  /** `unix:/run/lab.sock`. */
  get address(): string {
    return formatAddress(this.#config.listen)
  }

  /** Reads the registration file again. Throws `ConfigError`, and then what was read before stays in force. */
  async reload(): Promise<void> {
    await this.#parts.registrations.reload()
    this.#parts.contexts.refresh()
  }

  status(): AuthorityStatus {
    return {
      name: this.#config.name,
      trustDomain: this.#config.trustDomain,
      listen: this.address,
      issued: this.#parts.issued.count,
      authorities: this.#parts.authority.roots.map((root) => ({
        serialNumber: new X509Certificate(root.certificate).serialNumber.toLowerCase(),
        notAfter: root.notAfter.toISOString(),
      })),
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#alarm.wake()
    await this.#rotating
    const { endpoint, contexts, refusals, authority } = this.#parts
    await endpoint.close()
    await contexts.close()
    refusals.close()
    await authority.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #rotate(): Promise<void> {
    const { authority } = this.#parts
    while (!this.#closed) {
      await this.#alarm.until(authority.nextRotationAt.getTime())
      if (!this.#closed) await authority.advance(new Date())
    }
  }
}

async function openParts(config: AuthorityConfig, { provider, log }: AuthorityDependencies): Promise<Parts> {
  const trustDomain = parseTrustDomain(config.trustDomain)
  const registrations = await openRegistrations(config.registrationFile, trustDomain)
  const authority = await openCertificateAuthority(config, trustDomain, provider, log)
  const issued = { count: 0 }
  const onIssued = () => (issued.count += 1)
  const { keyType } = config
  const limiter = new RequestLimiter()
  const contexts = await WorkloadContexts.open({ authority, registrations, keyType, limiter, onIssued })
  const refusals = new RefusalLimiter((kind, count) => log.warn('refusals not logged one by one', { kind, count }))
  const onRefusal = (message: string, fields: LogFields) => {
    if (refusals.admits(`${message} ${String(fields['uid'])}`)) log.warn(message, fields)
  }
  try {
    const endpoint = await AuthorityEndpoint.open({
      config,
      authorityService: createAuthorityService({ authority, registrations, limiter, onIssued, onRefusal, log }),
      addWorkloadApi: (server) => addWorkloadApiFor(server, contexts, onRefusal),
      onRefused: (reason, uid) => onRefusal('a connection was refused', { reason, uid }),
    })
    log.info('the authority serves', { trustDomain, listen: formatAddress(config.listen) })
    return { authority, registrations, contexts, endpoint, refusals, issued }
  } catch (error) {
    refusals.close()
    await contexts.close()
    await authority.close()
    throw error
  }
}

async function openCertificateAuthority(
  { name, dataDir, caTtlMs, svidTtlMs, keyType }: AuthorityConfig,
  trustDomain: TrustDomain,
  provider: Provider,
  log: Logger,
): Promise<CertificateAuthority> {
  const options = {
    trustDomain,
    caTtlMs,
    svidTtlMs,
    keyType,
    keys: new RootKeys({
      provider,
      applicationIdentity: `svidecar/authority/${name}`,
      lifetime: dataDir === undefined ? 'volatile' : 'persistent',
    }),
    store: dataDir === undefined ? undefined : await openRootStore(dataDir, trustDomain),
    onStep: (step: RotationStep, roots: readonly Root[]) =>
      log.info('the authorities changed', { step, valid: roots.map(({ state, notAfter }) => ({ state, notAfter })) }),
    onTrouble: (message: string, error: unknown) =>
      log.error(message, error === undefined ? {} : { error: errorText(error) }),
  }
  return CertificateAuthority.open(options, new Date())
}
