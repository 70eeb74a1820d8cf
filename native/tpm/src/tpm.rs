//! An open TPM and what it does.
#![forbid(unsafe_code)]

use std::sync::Arc;

use tss_esapi::Context;
use tss_esapi::constants::StartupType;
use tss_esapi::constants::tss::{TPM2_RH_NULL, TPM2_ST_HASHCHECK};
use tss_esapi::handles::KeyHandle;
use tss_esapi::structures::{Digest, EncryptedSecret, HashcheckTicket, Private, SymmetricDefinitionObject};
use tss_esapi::tss2_esys::{TPM2B_DIGEST, TPMT_TK_HASHCHECK};

use crate::capabilities::Capabilities;
use crate::key::Key;
use crate::key_kind::{KeyKind, Origin};
use crate::loaded_keys::LoadedKeys;
use crate::root_key::RootKey;
use crate::session::{Session, SessionKind};
use crate::signature::{Algorithm, bytes_of};
use crate::status::{TpmError, TpmErrorKind};
use crate::tcti::{Sharing, Tcti};
use crate::transient_handle::flush_all;

/// The least of what TPMs give at a time, the size of their largest digest.
const RANDOM_AT_ONCE: usize = 32;
/// TPM_RC_INITIALIZE: nobody has sent TPM2_Startup.
const NOT_STARTED: u32 = 0x100;

/// A private key on its way in, encrypted for the root key (TPM 2.0 Part 1, 23.3).
pub struct Duplicate {
    pub private: Vec<u8>,
    pub secret: Vec<u8>,
}

pub struct Tpm {
    context: Context,
    root: RootKey,
    session: Session,
    loaded: LoadedKeys,
    pub capabilities: Capabilities,
}

impl Tpm {
    /// # Errors
    /// Every kind but `Foreign` and `Corrupt`.
    pub fn open(tcti: &Tcti, sessions: SessionKind, owner_auth: &[u8]) -> Result<Self, TpmError> {
        let mut context = Context::new(tcti.name())?;
        if tcti.sharing() != Sharing::Managed {
            start(&mut context)?;
            flush_all(&mut context)?;
        }
        let root = RootKey::create(&mut context, owner_auth)?;
        let session = match sessions {
            SessionKind::Password => Session::PASSWORD,
            SessionKind::SaltedHmac => Session::salted(&mut context, root.handle)?,
        };
        let capabilities = Capabilities::ask(&mut context)?;
        Ok(Self { context, root, session, loaded: LoadedKeys::default(), capabilities })
    }

    #[must_use]
    pub fn root(&self) -> &RootKey {
        &self.root
    }

    /// # Errors
    /// `NotSupported` for a kind the TPM lacks.
    pub fn create_key(&mut self, kind: KeyKind) -> Result<Key, TpmError> {
        let template = kind.public_area(Origin::Generated, &[])?;
        self.loaded.make_room_to_create(&mut self.context)?;
        let root = self.root.handle;
        let made = self
            .session
            .authorize(&mut self.context, |context| context.create(root, template, None, None, None, None))?;
        Key::new(kind, made.out_public, made.out_private, self.root.name.clone())
    }

    /// # Errors
    /// `Invalid` when public and private half do not fit, `Corrupt` when it is not encrypted for this TPM.
    pub fn import_key(&mut self, kind: KeyKind, public: &[u8], duplicate: Duplicate) -> Result<Key, TpmError> {
        let area = kind.public_area(Origin::Imported, public)?;
        let private = Private::try_from(duplicate.private)?;
        let secret = EncryptedSecret::try_from(duplicate.secret)?;
        self.loaded.make_room_to_create(&mut self.context)?;
        let (parent, inner) = (self.root.handle, SymmetricDefinitionObject::Null);
        let public = area.clone();
        let stored = self.session.authorize(&mut self.context, |context| {
            context.import(parent.into(), None, public, private, secret, inner)
        })?;
        Key::new(kind, area, stored, self.root.name.clone())
    }

    /// Proves that the TPM can use the key.
    ///
    /// # Errors
    /// `Foreign`, `Corrupt`
    pub fn prove(&mut self, key: &Arc<Key>) -> Result<(), TpmError> {
        let handle = self.load(key)?;
        // One that is loaded since long may be loaded no more.
        self.session.protect(&mut self.context, |context| context.read_public(handle))?;
        Ok(())
    }

    /// # Errors
    /// `Foreign`, `Corrupt`, `NotSupported`, `Invalid` for a hash of another length.
    pub fn sign(&mut self, key: &Arc<Key>, algorithm: Algorithm, hash: &[u8]) -> Result<Vec<u8>, TpmError> {
        let digest = Digest::try_from(hash)?;
        let handle = self.load(key)?;
        let ticket = no_ticket()?;
        let signature = self.session.authorize(&mut self.context, |context| {
            context.sign(handle, digest, algorithm.signature_scheme(), ticket)
        })?;
        bytes_of(&signature, key.kind)
    }

    /// # Errors
    /// When the TPM does not answer.
    pub fn forget(&mut self, key: &Arc<Key>) -> Result<(), TpmError> {
        self.loaded.forget(&mut self.context, key)
    }

    /// A TPM answers the same code for a blob of another TPM and for one that was changed; the root's Name tells them
    /// apart. It is the TPM's word of when it was opened, so before a key is called foreign the TPM is asked whether
    /// that root is there still: it may have been replaced since, by the very one the key is for.
    fn load(&mut self, key: &Arc<Key>) -> Result<KeyHandle, TpmError> {
        if self.root.name != key.root_name {
            let root = self.root.handle;
            self.session.protect(&mut self.context, |context| context.read_public(root))?;
            return Err(TpmError::new(TpmErrorKind::Foreign, "the TPM was cleared or replaced since the key was made"));
        }
        self.loaded.handle_of(&mut self.context, self.session, &self.root, key)
    }

    /// A TPM gives as many bytes as it likes to, so it is asked until there are enough.
    ///
    /// # Errors
    /// When the TPM does not answer.
    pub fn random(&mut self, size: usize) -> Result<Vec<u8>, TpmError> {
        let mut bytes = Vec::with_capacity(size);
        while bytes.len() < size {
            let wanted = RANDOM_AT_ONCE.min(size - bytes.len());
            let given = self.session.protect(&mut self.context, |context| context.get_random(wanted))?;
            bytes.extend_from_slice(given.value());
        }
        bytes.truncate(size);
        Ok(bytes)
    }
}

/// A TPM without a kernel before it may not have been started.
fn start(context: &mut Context) -> Result<(), TpmError> {
    match context.get_capability(tss_esapi::constants::CapabilityType::Algorithms, 0, 1).map_err(TpmError::from) {
        Err(error) if error.code == Some(NOT_STARTED) => Ok(context.startup(StartupType::Clear)?),
        Err(error) => Err(error),
        Ok(_) => Ok(()),
    }
}

/// A key that is not restricted signs hashes of any origin.
fn no_ticket() -> Result<HashcheckTicket, TpmError> {
    let ticket = TPMT_TK_HASHCHECK { tag: TPM2_ST_HASHCHECK, hierarchy: TPM2_RH_NULL, digest: TPM2B_DIGEST::default() };
    Ok(HashcheckTicket::try_from(ticket)?)
}
