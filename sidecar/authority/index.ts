export { Authority, type AuthorityDependencies } from './authority.js'
export { AuthorityError, type AuthorityErrorCode } from './errors.js'
export { signX509SvidMethod, type SignX509SvidRequest, type SignX509SvidResponse } from './authority-protocol.js'
