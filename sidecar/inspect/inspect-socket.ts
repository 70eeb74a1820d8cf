import { WorkloadApiClient } from '../../workload-api/index.js'
import { describeAuthority, describeSvid, type Description } from './describe-chain.js'

const answerTimeoutMs = 5000

/** Tells of everything a Workload API offers this process: its SVIDs, then the bundles. */
export async function inspectSocket(address: string, now: Date): Promise<readonly Description[]> {
  const client = new WorkloadApiClient({ address })
  try {
    const { svids, bundles } = await client.fetchX509Context({ signal: AbortSignal.timeout(answerTimeoutMs) })
    const described = svids.map((svid) => {
      const description = describeSvid(svid.chain, bundles, now)
      return {
        ...description,
        title: svid.hint === '' ? description.title : `${description.title}, hint "${svid.hint}"`,
      }
    })
    const authorities = [...bundles.values()].flatMap((bundle) =>
      bundle.x509Authorities.map((der) => {
        const description = describeAuthority(der, now)
        return { ...description, title: `authority of trust domain ${bundle.trustDomain}` }
      }),
    )
    return [...described, ...authorities]
  } finally {
    await client.close()
  }
}
