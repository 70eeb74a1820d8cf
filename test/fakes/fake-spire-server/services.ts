import {
  Metadata,
  status,
  type sendUnaryData,
  type Server,
  type ServerDuplexStream,
  type ServerUnaryCall,
} from '@grpc/grpc-js'
import { X509Certificate } from 'node:crypto'
import * as methods from '../../../sidecar/identity/spire-server/api/methods.js'
import {
  permissionDeniedDetails,
  rpcStatus,
  type EntryMessage,
} from '../../../sidecar/identity/spire-server/api/types.js'
import { attest } from './attest.js'
import { idMessage, keyOf, seconds, type FakeParts } from './parts.js'
import { denials, type Denial, type FakeEntry } from './registry.js'
import { StatusError } from './status-error.js'

/** Who calls, by the certificate shown. */
export interface Caller {
  readonly id: string
  readonly serial: string
  readonly chainLength: number
}

type AnyCall = ServerUnaryCall<unknown, unknown> | ServerDuplexStream<unknown, unknown>

export function callerOf(call: AnyCall): Caller | undefined {
  const shown = call.getAuthContext().sslPeerCertificate
  if (shown === undefined || !('raw' in shown) || shown.raw === undefined) return undefined
  const certificate = new X509Certificate(shown.raw)
  const id = /URI:([^,]+)/.exec(certificate.subjectAltName ?? '')?.[1] ?? ''
  return { id, serial: certificate.serialNumber.toLowerCase(), chainLength: 1 }
}

/** What SPIRE says of a denial: the text tells nothing, the reason is in a trailer. */
export function denied(reason: Denial, path: string): StatusError {
  const details = permissionDeniedDetails.encode({ reason: denials[reason] })
  const typeUrl = 'type.googleapis.com/spire.api.types.PermissionDeniedDetails'
  const message = `authorization denied for method ${path}`
  const metadata = new Metadata()
  metadata.set(
    'grpc-status-details-bin',
    rpcStatus.encode({ code: status.PERMISSION_DENIED, message, details: [{ typeUrl, value: details }] }),
  )
  return new StatusError(status.PERMISSION_DENIED, message, metadata)
}

function authorized(parts: FakeParts, call: AnyCall, path: string): string {
  const caller = callerOf(call)
  if (caller === undefined) throw new StatusError(status.PERMISSION_DENIED, `authorization denied for method ${path}`)
  const denial = parts.registry.denialOf(caller.id, caller.serial)
  if (denial !== undefined) throw denied(denial, path)
  return caller.id
}

function begin(parts: FakeParts, path: string): void {
  const name = path.slice(path.lastIndexOf('/') + 1)
  parts.calls.push(name)
  parts.onCall()
  const failure = parts.failing.get(name)
  if (failure !== undefined) throw failure
}

type Handler<Request, Response> = (
  request: Request,
  call: ServerUnaryCall<Request, Response>,
) => Promise<Partial<Response>> | Partial<Response>

export function addServices(server: Server, parts: FakeParts): void {
  const { authority, registry } = parts
  const unary = <Request, Response>(method: methods.Method<Request, Response>, handle: Handler<Request, Response>) =>
    server.register(
      method.path,
      (call: ServerUnaryCall<Request, Response>, callback: sendUnaryData<Partial<Response>>) => {
        void (async () => {
          try {
            begin(parts, method.path)
            callback(null, await handle(call.request, call))
          } catch (error) {
            callback(asStatus(error))
          }
        })()
      },
      method.responseSerialize,
      method.requestDeserialize,
      'unary',
    )
  unary(methods.renewAgent, async ({ params }, call) => {
    const id = authorized(parts, call, methods.renewAgent.path)
    const agent = registry.agents.get(id)
    if (agent === undefined) throw new StatusError(status.NOT_FOUND, 'agent not found')
    if (agent.canReattest) throw denied('mustReattest', methods.renewAgent.path)
    const { chain, serial, notAfter } = await authority.sign(id, keyOf(params?.csr), authority.agentTtlMs)
    agent.newSerial = serial
    return { svid: { certChain: chain, id: idMessage(id), expiresAt: seconds(notAfter) } }
  })
  unary(methods.getBundle, () => bundle(authority.trustDomain, authority.bundle))
  unary(methods.getFederatedBundle, ({ trustDomain }, call) => {
    authorized(parts, call, methods.getFederatedBundle.path)
    const found = parts.federated.get(trustDomain)
    if (found === undefined) throw new StatusError(status.NOT_FOUND, 'bundle not found')
    return bundle(
      trustDomain,
      found.map((der) => ({ der, tainted: false })),
    )
  })
  unary(methods.getAuthorizedEntries, (_request, call) => {
    const id = authorized(parts, call, methods.getAuthorizedEntries.path)
    return { entries: registry.entriesOf(id).map(entryMessage) }
  })
  unary(methods.batchNewX509Svid, async ({ params }, call) => {
    const id = authorized(parts, call, methods.batchNewX509Svid.path)
    return { results: await Promise.all(params.map(({ entryId, csr }) => issue(parts, id, entryId, csr))) }
  })
  unary(methods.newJwtSvid, ({ entryId, audience }, call) => {
    const id = authorized(parts, call, methods.newJwtSvid.path)
    const entry = registry.entriesOf(id).find((one) => one.id === entryId)
    if (entry === undefined) throw new StatusError(status.NOT_FOUND, 'entry not found or not authorized')
    const now = Math.floor(Date.now() / 1000)
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const claims = { sub: entry.spiffeId, aud: audience, exp: now + 300, iat: now }
    const token = `${part({ alg: 'ES256', typ: 'JWT', kid: 'k' })}.${part(claims)}.${Buffer.alloc(64).toString('base64url')}`
    return { svid: { token, id: idMessage(entry.spiffeId), expiresAt: now + 300, issuedAt: now } }
  })
  stream(server, parts, methods.attestAgent, (call) => attest(parts, call))
  stream(server, parts, methods.syncAuthorizedEntries, (call) => sync(parts, call))
}

type Duplex<Request, Response> = ServerDuplexStream<Request, Partial<Response>>

function stream<Request, Response>(
  server: Server,
  parts: FakeParts,
  method: methods.Method<Request, Response>,
  handle: (call: Duplex<Request, Response>) => Promise<void>,
): void {
  server.register(
    method.path,
    (call: Duplex<Request, Response>) => {
      call.on('error', () => {})
      void (async () => {
        try {
          begin(parts, method.path)
          await handle(call)
          call.end()
        } catch (error) {
          call.emit('error', asStatus(error))
        }
      })()
    },
    method.responseSerialize,
    method.requestDeserialize,
    'bidi',
  )
}

async function sync(
  parts: FakeParts,
  call: Duplex<methods.SyncEntriesRequest, methods.SyncEntriesResponse>,
): Promise<void> {
  const id = authorized(parts, call, methods.syncAuthorizedEntries.path)
  const entries = parts.registry.entriesOf(id).map(entryMessage)
  let isFirst = true
  for await (const { ids } of call as AsyncIterable<methods.SyncEntriesRequest>) {
    if (isFirst && entries.length <= parts.pageSize) {
      call.write({ entries })
      return
    }
    if (isFirst) {
      for (const [page, more] of pages(entries, parts.pageSize)) call.write({ entryRevisions: page, more })
    } else {
      parts.calls.push(`entries:${ids.length}`)
      const wanted = entries.filter((entry) => ids.includes(entry.id))
      for (const [page, more] of pages(wanted, parts.pageSize)) call.write({ entries: page, more })
    }
    isFirst = false
  }
}

function pages<Item>(
  items: readonly Item[],
  size: number,
): readonly (readonly [page: readonly Item[], more: boolean])[] {
  const found: (readonly [readonly Item[], boolean])[] = []
  for (let at = 0; at < items.length || at === 0; at += size)
    found.push([items.slice(at, at + size), at + size < items.length])
  return found
}

async function issue(
  { authority, registry, refusedItems }: FakeParts,
  agentId: string,
  entryId: string,
  csr: Uint8Array,
) {
  const entry = registry.entriesOf(agentId).find(({ id }) => id === entryId)
  if (entry === undefined || refusedItems) {
    return { status: { code: status.NOT_FOUND, message: 'entry not found or not authorized' }, svid: undefined }
  }
  const { chain, notAfter } = await authority.sign(entry.spiffeId, keyOf(csr), authority.svidTtlMs)
  const svid = { certChain: chain, id: idMessage(entry.spiffeId), expiresAt: seconds(notAfter) }
  return { status: { code: status.OK, message: '' }, svid }
}

function bundle(trustDomain: string, authorities: readonly { readonly der: Uint8Array; readonly tainted: boolean }[]) {
  return {
    trustDomain,
    x509Authorities: authorities.map(({ der, tainted }) => ({ asn1: der, tainted })),
    jwtAuthorities: [],
    refreshHint: 0,
    sequenceNumber: authorities.length,
  }
}

function entryMessage({ id, spiffeId, parentId, federatesWith, hint, revision }: FakeEntry): EntryMessage {
  return {
    id,
    spiffeId: idMessage(spiffeId),
    parentId: idMessage(parentId),
    selectors: [],
    federatesWith,
    revisionNumber: revision,
    hint,
    createdAt: 1,
  }
}

function asStatus(error: unknown): StatusError {
  return error instanceof StatusError ? error : new StatusError(status.INTERNAL, String(error))
}
