//! The verdict on a peer: remembered, or asked for and then remembered.
#![forbid(unsafe_code)]

use std::future::Future;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;

use crate::authorizer::{AuthorizerFault, Verdict};
use crate::snapshot::Policy;
use crate::spiffe_id::SpiffeId;
use crate::verdict_cache::VerdictKey;
use crate::x509_svid::chain_digest;

/// A verdict that has to be asked for.
pub struct Question<'a> {
    policy: &'a Arc<Policy>,
    key: VerdictKey,
    peer: &'a SpiffeId,
    chain: &'a [CertificateDer<'static>],
}

/// The verdict this policy gave before, or the question that is left.
///
/// # Errors
/// The question, when the policy was not asked before.
pub fn remembered<'a>(
    policy: &'a Arc<Policy>,
    peer: &'a SpiffeId,
    chain: &'a [CertificateDer<'static>],
) -> Result<Verdict, Question<'a>> {
    let key = if policy.reads_chain { VerdictKey::Chain(chain_digest(chain)) } else { VerdictKey::Id(peer.clone()) };
    policy.verdicts.get(&key).ok_or(Question { policy, key, peer, chain })
}

impl Question<'_> {
    /// Asks the authorizer. A fault is a denial of this connection and is not remembered.
    pub fn ask(self) -> impl Future<Output = Result<Verdict, AuthorizerFault>> + Send + use<> {
        let policy = Arc::clone(self.policy);
        let answer = policy.authorizer.authorize(self.peer, if policy.reads_chain { self.chain } else { &[] });
        let key = self.key;
        async move {
            let verdict = answer.await?;
            policy.verdicts.put(key, verdict.clone());
            Ok(verdict)
        }
    }
}
