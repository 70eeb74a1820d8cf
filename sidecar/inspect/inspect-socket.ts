import { SpiffeError, WorkloadApiClient } from '../../workload-api/index.js'
import { describeJwtAuthorities } from './describe-bundle.js'
import { describeAuthority, describeSvid, type Description } from './describe-chain.js'

const answerTimeoutMs = 5000

/** Tells of everything a Workload API offers this process: its SVIDs, then the bundles of both kinds. */
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
    return [...described, ...authorities, ...(await describeJwtBundles(client))]
  } finally {
    await client.close()
  }
}

/** An agent may leave this profile out, which is no fault of it. */
async function describeJwtBundles(client: WorkloadApiClient): Promise<readonly Description[]> {
  try {
    const bundles = await client.fetchJwtBundles({ signal: AbortSignal.timeout(answerTimeoutMs) })
    return [...bundles.values()].flatMap(({ trustDomain, jwtAuthorities }) =>
      describeJwtAuthorities(jwtAuthorities, ` of trust domain ${trustDomain}`),
    )
  } catch (error) {
    if (!(error instanceof SpiffeError)) throw error
    return [{ title: 'JWT bundles', rows: [['answer', error.message]], faults: [] }]
  }
}
