import { cka, cko, cku, osLockingOk, readWriteSerialSession } from '../../parsec-core/providers/pkcs11/cryptoki.js'
import { newCryptoki } from '../../parsec-core/providers/pkcs11/load-cryptoki.js'

/**
 * Tries to read the private values of every private key in a token, logged in, and prints what the module says of each:
 * `MODULE TOKEN-LABEL PIN`. OpenSC's tool does not even try.
 */
const [, , module = '', tokenLabel, pin = ''] = process.argv
const cryptoki = newCryptoki()
cryptoki.load(module)
cryptoki.C_Initialize({ flags: osLockingOk })
const slot = cryptoki.C_GetSlotList(true).find((one) => cryptoki.C_GetTokenInfo(one).label.trim() === tokenLabel)
if (!slot) throw new Error('there is no such token')
const session = cryptoki.C_OpenSession(slot, readWriteSerialSession)
cryptoki.C_Login(session, cku.user, pin)
cryptoki.C_FindObjectsInit(session, [{ type: cka.class, value: cko.privateKey }])
const keys = cryptoki.C_FindObjects(session, 1000)
cryptoki.C_FindObjectsFinal(session)
const answers = keys.flatMap((key) => [cka.value, cka.privateExponent].map((attribute) => read(key, attribute)))
console.log(JSON.stringify(answers))
cryptoki.C_Finalize()

function read(key: Buffer, type: number): string {
  try {
    cryptoki.C_GetAttributeValue(session, key, [{ type }])
    return 'read'
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
