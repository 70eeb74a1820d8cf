// A loop of C_SignInit and C_Sign over pkcs11js, nothing else: what a token gives a program that does nothing but sign.
// Arguments: MODULE TOKEN-LABEL PIN SECONDS. Prints signatures a second.
import { cka, ckm, cku, osLockingOk, readWriteSerialSession } from '../../../parsec-core/providers/pkcs11/cryptoki.js'
import { newCryptoki } from '../../../parsec-core/providers/pkcs11/load-cryptoki.js'

const [, , module = '', label, pin = '', seconds] = process.argv
const p256 = Buffer.from('06082a8648ce3d030107', 'hex')
const cryptoki = newCryptoki()
cryptoki.load(module)
cryptoki.C_Initialize({ flags: osLockingOk })
const slot = cryptoki.C_GetSlotList(true).find((one) => cryptoki.C_GetTokenInfo(one).label.trim() === label)
if (!slot) throw new Error('there is no such token')
const session = cryptoki.C_OpenSession(slot, readWriteSerialSession)
cryptoki.C_Login(session, cku.user, pin)
const { privateKey } = cryptoki.C_GenerateKeyPair(
  session,
  { mechanism: ckm.ecKeyPairGen },
  [{ type: cka.ecParams, value: p256 }],
  [
    { type: cka.sign, value: true },
    { type: cka.sensitive, value: true },
    { type: cka.extractable, value: false },
  ],
)
const [hash, signature, ecdsa] = [Buffer.alloc(32, 1), Buffer.alloc(64), { mechanism: ckm.ecdsa }]

function signFor(ms: number): number {
  const begun = performance.now()
  let done = 0
  for (; performance.now() - begun < ms; done += 1) {
    cryptoki.C_SignInit(session, ecdsa, privateKey)
    cryptoki.C_Sign(session, hash, signature)
  }
  return (done * 1000) / (performance.now() - begun)
}

signFor(200) // until the loop is compiled
console.log(signFor(Number(seconds) * 1000))
cryptoki.C_Finalize()
