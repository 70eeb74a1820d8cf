import { address, label, trustDomain } from '../schema/identifiers.js'
import { duration, text } from '../schema/scalars.js'
import { defaulted, optional, required } from '../schema/spec.js'
import { keyType } from './identity.js'
import { unixListenerKeys } from './tunnel.js'

export const authorityKeys = {
  listen: required(address),
  trust_domain: required(trustDomain),
  svid_ttl: defaulted(duration('1s', '8760h'), 3_600_000, '1h'),
  ca_ttl: defaulted(duration('1s', '175200h'), 86_400_000, '24h'),
  registration_file: optional(text('path'), 'serves its own user only'),
  data_dir: optional(text('path'), 'the CA key stays in memory'),
  key_provider: optional(label, 'keys in memory'),
  key_type: defaulted(keyType, 'ec-p256', '"ec-p256"'),
  ...unixListenerKeys,
}
