//! The key all others are wrapped with.
#![forbid(unsafe_code)]

use tss_esapi::Context;
use tss_esapi::attributes::ObjectAttributesBuilder;
use tss_esapi::handles::{KeyHandle, ObjectHandle};
use tss_esapi::interface_types::algorithm::{HashingAlgorithm, PublicAlgorithm};
use tss_esapi::interface_types::ecc::EccCurve;
use tss_esapi::interface_types::resource_handles::Hierarchy;
use tss_esapi::structures::{
    Auth, EccPoint, EccScheme, KeyDerivationFunctionScheme, Public, PublicEccParameters, SymmetricDefinitionObject,
};

use crate::session::Session;
use crate::status::{TpmError, TpmErrorKind};
use crate::transient_handle::with_flush;

/// Bytes of a coordinate of the root's curve.
const COORDINATE: usize = 32;

/// An ECC primary key of the owner hierarchy. It is derived from the owner seed, so the same TPM gives the same one
/// again and it need not be kept; after TPM2_Clear the seed, and so the key's Name, is another.
#[derive(Clone, Debug)]
pub struct RootKey {
    pub handle: KeyHandle,
    pub name: Vec<u8>,
    /// x and y, side by side.
    pub point: Vec<u8>,
}

impl RootKey {
    /// # Errors
    /// `Authorization` when the owner hierarchy's is wrong.
    pub fn create(context: &mut Context, owner_auth: &[u8]) -> Result<Self, TpmError> {
        if owner_auth.is_empty() {
            return Self::create_with(context, Session::PASSWORD);
        }
        context.tr_set_auth(ObjectHandle::Owner, Auth::try_from(owner_auth)?)?;
        // The root cannot salt the session that makes it: a key of the null hierarchy does, which needs no secret.
        let salt = Self::primary(context, Hierarchy::Null, Session::PASSWORD)?;
        with_flush(context, salt.handle.into(), |context| {
            let session = Session::salted(context, salt.handle)?;
            let root = Self::create_with(context, session);
            if let Some(handle) = session.handle() {
                context.flush_context(handle.into())?;
            }
            root
        })
    }

    fn create_with(context: &mut Context, session: Session) -> Result<Self, TpmError> {
        Self::primary(context, Hierarchy::Owner, session)
    }

    fn primary(context: &mut Context, hierarchy: Hierarchy, session: Session) -> Result<Self, TpmError> {
        let template = template()?;
        let made = session
            .authorize(context, |context| context.create_primary(hierarchy, template, None, None, None, None))?;
        let Public::Ecc { unique, .. } = made.out_public else {
            return Err(TpmError::new(TpmErrorKind::Other, "the TPM made a key of another kind"));
        };
        let handle = made.key_handle;
        let name = context.tr_get_name(handle.into())?.value().to_vec();
        Ok(Self { handle, name, point: [padded(unique.x())?, padded(unique.y())?].concat() })
    }
}

fn template() -> Result<Public, TpmError> {
    let attributes = ObjectAttributesBuilder::new()
        .with_fixed_tpm(true)
        .with_fixed_parent(true)
        .with_sensitive_data_origin(true)
        .with_user_with_auth(true)
        .with_no_da(true)
        .with_restricted(true)
        .with_decrypt(true)
        .build()?;
    let parameters = PublicEccParameters::new(
        SymmetricDefinitionObject::AES_128_CFB,
        EccScheme::Null,
        EccCurve::NistP256,
        KeyDerivationFunctionScheme::Null,
    );
    Ok(Public::builder()
        .with_public_algorithm(PublicAlgorithm::Ecc)
        .with_name_hashing_algorithm(HashingAlgorithm::Sha256)
        .with_object_attributes(attributes)
        .with_ecc_parameters(parameters)
        .with_ecc_unique_identifier(EccPoint::default())
        .build()?)
}

/// A number of the TPM's, which leaves out leading zeros, in as many bytes as its kind has.
fn padded(number: &[u8]) -> Result<Vec<u8>, TpmError> {
    crate::signature::padded(number, COORDINATE)
}
