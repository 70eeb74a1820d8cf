//! The keys that lie in the TPM now.
#![forbid(unsafe_code)]

use std::sync::Arc;

use tss_esapi::Context;
use tss_esapi::handles::KeyHandle;

use crate::key::{Key, Unlocked, random_auth};
use crate::root_key::RootKey;
use crate::session::Session;
use crate::status::TpmError;
use crate::transient_handle::with_flush;

/// A TPM without resource manager has three slots: the root has one, and these the others.
const MAX_LOADED: usize = 2;
const SLOT_TO_LOAD: usize = 1;
/// Making a key takes a slot while the command runs; changing an authorization one beside that of the key.
const SLOT_TO_CREATE: usize = 1;
const SLOTS_TO_UNLOCK: usize = 2;

/// The most recently used last. Loading takes most of a signature's time, so a key stays until its slot is needed.
#[derive(Debug, Default)]
pub struct LoadedKeys {
    keys: Vec<(Arc<Key>, KeyHandle)>,
}

impl LoadedKeys {
    /// # Errors
    /// `Corrupt` for a key that was changed, or is another root's.
    pub fn handle_of(
        &mut self,
        context: &mut Context,
        session: Session,
        root: &RootKey,
        key: &Arc<Key>,
    ) -> Result<KeyHandle, TpmError> {
        if let Some(place) = self.keys.iter().position(|(loaded, _)| Arc::ptr_eq(loaded, key)) {
            let found = self.keys.remove(place);
            let handle = found.1;
            self.keys.push(found);
            return Ok(handle);
        }
        let unlocked = match key.unlocked() {
            Some(unlocked) => unlocked,
            None => self.unlock(context, session, root, key)?,
        };
        self.make_room(context, SLOT_TO_LOAD)?;
        let handle = session
            .authorize(context, |context| context.load(root.handle, unlocked.private.clone(), key.public.clone()))?;
        self.keys.push((Arc::clone(key), handle));
        context.tr_set_auth(handle.into(), unlocked.auth)?;
        Ok(handle)
    }

    /// Takes a key out of the TPM; one that is not loaded is none the worse.
    ///
    /// # Errors
    /// When the TPM does not answer.
    pub fn forget(&mut self, context: &mut Context, key: &Arc<Key>) -> Result<(), TpmError> {
        if let Some(place) = self.keys.iter().position(|(loaded, _)| Arc::ptr_eq(loaded, key)) {
            let (_, handle) = self.keys.remove(place);
            context.flush_context(handle.into())?;
        }
        Ok(())
    }

    /// Gives the key this process' authorization.
    fn unlock(
        &mut self,
        context: &mut Context,
        session: Session,
        root: &RootKey,
        key: &Key,
    ) -> Result<Unlocked, TpmError> {
        self.make_room(context, SLOTS_TO_UNLOCK)?;
        let handle =
            session.authorize(context, |context| context.load(root.handle, key.stored.clone(), key.public.clone()))?;
        let auth = random_auth()?;
        let private = with_flush(context, handle.into(), |context| {
            session.authorize(context, |context| {
                context.object_change_auth(handle.into(), root.handle.into(), auth.clone())
            })
        })?;
        let unlocked = Unlocked { private, auth };
        key.unlock(unlocked.clone());
        Ok(unlocked)
    }

    /// Before a command that makes a key.
    ///
    /// # Errors
    /// When the TPM does not answer.
    pub fn make_room_to_create(&mut self, context: &mut Context) -> Result<(), TpmError> {
        self.make_room(context, SLOT_TO_CREATE)
    }

    fn make_room(&mut self, context: &mut Context, slots: usize) -> Result<(), TpmError> {
        while self.keys.len() + slots > MAX_LOADED {
            let (_, handle) = self.keys.remove(0);
            context.flush_context(handle.into())?;
        }
        Ok(())
    }
}
