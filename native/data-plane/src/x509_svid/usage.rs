//! What a leaf is used for, against its extended key usage (X509-SVID section 4.4, RFC 5280 section 4.2.1.12).

use webpki::{Error, ExtendedKeyUsageValidator, KeyPurposeId, KeyPurposeIdIter, KeyUsage, RequiredEkuNotFoundContext};

// id-kp is 1.3.6.1.5.5.7.3.
const SERVER_AUTH: KeyPurposeId<'static> = KeyPurposeId::new(&[0x2b, 6, 1, 5, 5, 7, 3, 1]);
const CLIENT_AUTH: KeyPurposeId<'static> = KeyPurposeId::new(&[0x2b, 6, 1, 5, 5, 7, 3, 2]);

/// The role in TLS of the peer whose certificate is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Usage {
    /// Either role; for an SVID that is looked at outside a handshake.
    Any,
    /// The peer is the client.
    Client,
    /// The peer is the server.
    Server,
}

impl Usage {
    fn admits(self, purpose: KeyPurposeId<'_>) -> bool {
        match self {
            Self::Any => purpose == CLIENT_AUTH || purpose == SERVER_AUTH,
            Self::Client => purpose == CLIENT_AUTH,
            Self::Server => purpose == SERVER_AUTH,
        }
    }
}

impl ExtendedKeyUsageValidator for Usage {
    /// An absent extension allows every use. anyExtendedKeyUsage is not one of ours: section 4.4 wants the purposes
    /// by name.
    fn validate(&self, purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), Error> {
        let mut absent = true;
        for purpose in purposes {
            absent = false;
            if self.admits(purpose?) {
                return Ok(());
            }
        }
        if absent {
            return Ok(());
        }
        let required = match self {
            Self::Any | Self::Client => KeyUsage::client_auth(),
            Self::Server => KeyUsage::server_auth(),
        };
        Err(Error::RequiredEkuNotFoundContext(RequiredEkuNotFoundContext { required, present: Vec::new() }))
    }
}
