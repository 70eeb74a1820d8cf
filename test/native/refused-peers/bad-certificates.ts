/** A chain for every way in which a peer's certificate is refused; the names are those of test/vectors/alerts.json. */
import type { BundleSetInput } from '../../../native/index.js'
import * as der from '../../fakes/der.js'
import { FakeCa } from '../../fakes/fake-ca.js'
import type { CertificateOptions, Issued } from '../../fakes/fake-ca.js'

const trustDomain = 'example.org'
const ca = FakeCa.create(trustDomain)
const foreign = FakeCa.create('partner.org')
const minutes = (count: number): Date => new Date(Date.now() + count * 60_000)
const past = { notBefore: minutes(-20), notAfter: minutes(-10) }

const lateAuthority = FakeCa.create('late.test', past)
/** A self-signed leaf that a careless operator put into a bundle. */
const leafAuthority = FakeCa.create('leaf.test', {
  names: [{ uri: 'spiffe://leaf.test/a' }],
  isAuthority: false,
  keyUsage: ['digitalSignature'],
})
const constrained = (kind: 'permitted' | 'excluded'): CertificateOptions => ({
  nameConstraints: { [kind]: [{ uri: trustDomain }] },
})
const constrainedAuthority = FakeCa.create('constrained.test', { nameConstraints: { permitted: [{ uri: 'a.test' }] } })

/** Holds the authorities of all peers here, the good ones' and those that must not be believed. */
export const bundles: BundleSetInput = new Map(
  [ca, foreign, lateAuthority, leafAuthority, constrainedAuthority].flatMap((authority) => [...authority.bundles]),
)

/** The tunnel's own identity and a peer that is welcome: the connection works when only the certificate changes. */
export const ours = ca.issue('/tunnel')
export const welcome = ca.issue('/welcome')

const withId = (uri: string): Issued => ca.issue('', { names: [{ uri }] })

function longChain(): Issued {
  let authority = ca
  for (let depth = 0; depth < 20; depth += 1) authority = authority.intermediate()
  return authority.issue('/a')
}

export const badCertificates: Readonly<Record<string, Issued>> = {
  'a CA as leaf': ca.issue('/a', { isAuthority: true }),
  'keyCertSign on the leaf': ca.issue('/a', { keyUsage: ['digitalSignature', 'keyCertSign'] }),
  'two URI SANs': ca.issue('/a', {
    names: [{ uri: 'spiffe://example.org/a' }, { uri: 'spiffe://example.org/welcome' }],
  }),
  'no URI SAN': ca.issue('/a', { names: [{ dns: 'example.org' }] }),
  'an ID without a path': withId('spiffe://example.org'),
  'an ID with a bad character': withId('spiffe://example.org/a\n{"allowed":true}'),
  'an ID in an upper-case trust domain': withId('spiffe://EXAMPLE.ORG/a'),
  expired: ca.issue('/a', past),
  'not yet valid': ca.issue('/a', { notBefore: minutes(10) }),
  'wrong EKU': ca.issue('/a', { extendedKeyUsage: ['codeSigning'] }),
  'an EKU for servers only': ca.issue('/a', { extendedKeyUsage: ['serverAuth'] }),
  'an EKU for clients only': ca.issue('/a', { extendedKeyUsage: ['clientAuth'] }),
  'no digitalSignature': ca.issue('/a', { keyUsage: ['keyAgreement'] }),
  'a leaf signed by another trust domain’s authority': foreign.issue('', {
    names: [{ uri: 'spiffe://example.org/welcome' }],
  }),
  'an intermediate without keyCertSign': ca.intermediate({ keyUsage: ['cRLSign'] }).issue('/a'),
  'an intermediate without cA': ca.intermediate({ isAuthority: false }).issue('/a'),
  'an authority expired': lateAuthority.issue('/a'),
  'a leaf used as authority': leafAuthority.issue('/b'),
  'a URI name constraint, permitted': ca.intermediate(constrained('permitted')).issue('/a'),
  'a URI name constraint, excluded': ca.intermediate(constrained('excluded')).issue('/a'),
  'a URI name constraint on the authority': constrainedAuthority.issue('/a'),
  'an unknown critical extension': ca.issue('/a', {
    extraExtensions: [{ oid: '1.3.6.1.4.1.99999.1', critical: true, value: der.nullValue }],
  }),
  'an absurdly long chain': longChain(),
}
