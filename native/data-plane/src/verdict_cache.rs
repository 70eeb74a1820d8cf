//! Verdicts already given under one policy. The cache belongs to the policy and goes with it, so that a verdict of an
//! older policy can neither be used nor stored under a newer one.
#![forbid(unsafe_code)]

use std::sync::{Mutex, PoisonError};

use lru::LruCache;

use crate::authorizer::Verdict;
use crate::spiffe_id::SpiffeId;

const MAX_VERDICTS: usize = 10_000;

/// What a verdict was given for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum VerdictKey {
    Id(SpiffeId),
    /// The SHA-256 of the whole chain, for an authorizer that reads it.
    Chain([u8; 32]),
}

/// At most 10,000 verdicts, the least recently used out first.
pub struct VerdictCache(Mutex<LruCache<VerdictKey, Verdict>>);

impl Default for VerdictCache {
    fn default() -> Self {
        // Unbounded to the library, which would otherwise reserve room for all of them at once, per tunnel.
        Self(Mutex::new(LruCache::unbounded()))
    }
}

impl VerdictCache {
    /// The verdict for `key`, if one was given.
    #[must_use]
    pub fn get(&self, key: &VerdictKey) -> Option<Verdict> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    /// Remembers a verdict.
    pub fn put(&self, key: VerdictKey, verdict: Verdict) {
        let mut cache = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        cache.put(key, verdict);
        if cache.len() > MAX_VERDICTS {
            cache.pop_lru();
        }
    }

    /// How many verdicts are remembered.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: usize) -> VerdictKey {
        VerdictKey::Id(SpiffeId::parse(&format!("spiffe://example.org/{number}")).unwrap())
    }

    #[test]
    fn the_least_recently_used_verdict_gives_way() {
        let cache = VerdictCache::default();
        for number in 0..MAX_VERDICTS {
            cache.put(key(number), Verdict::Allowed);
        }
        assert_eq!(cache.get(&key(0)), Some(Verdict::Allowed));
        cache.put(key(MAX_VERDICTS), Verdict::Denied { reason: String::new() });
        assert_eq!(cache.count(), MAX_VERDICTS);
        assert_eq!(cache.get(&key(0)), Some(Verdict::Allowed));
        assert_eq!(cache.get(&key(1)), None);
    }
}
