//! The extensions of a certificate that X509-SVID sections 2 to 4 speak of.

use der::asn1::{AnyRef, BitStringRef};
use der::{Decode, Reader, SliceReader, Tag, TagNumber, Tagged};

use super::certificate::{Malformed, expect, explicit};

// RFC 5280 section 4.2.1: id-ce is 2.5.29.
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 15];
const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 17];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 19];
const NAME_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 30];
const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 37];

/// uniformResourceIdentifier of `GeneralName` (RFC 5280 section 4.2.1.6).
const URI: u32 = 6;
const LAST_GENERAL_NAME: u32 = 8;

/// What the extensions say; an extension that is absent is `None`.
#[derive(Debug, Default)]
pub(crate) struct Extensions<'a> {
    pub(crate) basic_constraints: Option<BasicConstraints>,
    pub(crate) key_usage: Option<KeyUsage>,
    pub(crate) subject_alt_name: Option<UriNames<'a>>,
    pub(crate) name_constraints: Option<NameConstraints>,
    /// A critical extension is here that neither we nor webpki act upon (RFC 5280 section 4.2: reject).
    pub(crate) unhandled_critical: bool,
}

impl<'a> Extensions<'a> {
    /// Reads the content of the EXPLICIT `[3]` field.
    pub(super) fn parse(content: &'a [u8]) -> Result<Self, Malformed> {
        let mut found = Self::default();
        AnyRef::from_der(content)?.sequence(|list| {
            while !list.is_finished() {
                list.sequence(|extension| found.read_one(extension))?;
            }
            Ok::<_, Malformed>(())
        })?;
        Ok(found)
    }

    fn read_one(&mut self, extension: &mut SliceReader<'a>) -> Result<(), Malformed> {
        let id = expect(extension, Tag::ObjectIdentifier)?;
        let critical = Option::<bool>::decode(extension)?.unwrap_or(false);
        let value = expect(extension, Tag::OctetString)?;
        match id {
            KEY_USAGE => once(&mut self.key_usage, KeyUsage::parse(value)?),
            SUBJECT_ALT_NAME => once(&mut self.subject_alt_name, UriNames::parse(value)?),
            BASIC_CONSTRAINTS => once(&mut self.basic_constraints, BasicConstraints::parse(value)?),
            NAME_CONSTRAINTS => once(&mut self.name_constraints, NameConstraints::parse(value)?),
            // Judged by webpki, which calls back for each purpose.
            EXTENDED_KEY_USAGE => Ok(()),
            _ => {
                self.unhandled_critical |= critical;
                Ok(())
            }
        }
    }

    /// Absent means no (RFC 5280 section 4.2.1.9).
    pub(crate) fn is_authority(&self) -> bool {
        self.basic_constraints.is_some_and(|constraints| constraints.is_authority)
    }

    /// A keyUsage extension that is absent allows nothing here: X509-SVID section 4.3 wants it in every certificate.
    pub(crate) fn may_sign_certificates(&self) -> bool {
        self.key_usage.is_some_and(KeyUsage::signs_certificates)
    }

    pub(crate) fn constrains_uris(&self) -> bool {
        self.name_constraints.is_some_and(|constraints| constraints.on_uris)
    }
}

/// RFC 5280 section 4.2: no extension may be there twice. The reader that took the first and the one that took the
/// last would see two different certificates.
fn once<T>(slot: &mut Option<T>, value: T) -> Result<(), Malformed> {
    if slot.replace(value).is_some() { Err(Malformed) } else { Ok(()) }
}

/// basicConstraints (RFC 5280 section 4.2.1.9).
#[derive(Clone, Copy, Debug)]
pub(crate) struct BasicConstraints {
    pub(crate) is_authority: bool,
    pub(crate) path_length: Option<u8>,
}

impl BasicConstraints {
    fn parse(value: &[u8]) -> Result<Self, Malformed> {
        AnyRef::from_der(value)?.sequence(|fields| {
            let is_authority = Option::<bool>::decode(fields)?.unwrap_or(false);
            let path_length = Option::<u8>::decode(fields)?;
            Ok(Self { is_authority, path_length })
        })
    }
}

/// keyUsage (RFC 5280 section 4.2.1.3): all the bits we ask for lie in its first byte.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyUsage(u8);

impl KeyUsage {
    fn parse(value: &[u8]) -> Result<Self, Malformed> {
        Ok(Self(BitStringRef::from_der(value)?.raw_bytes().first().copied().unwrap_or(0)))
    }

    pub(crate) fn signs_data(self) -> bool {
        self.0 & 0x80 != 0
    }

    pub(crate) fn signs_certificates(self) -> bool {
        self.0 & 0x04 != 0
    }

    pub(crate) fn signs_revocation_lists(self) -> bool {
        self.0 & 0x02 != 0
    }
}

/// The URI names of a subjectAltName. Names of other kinds are allowed and mean nothing (X509-SVID section 2).
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct UriNames<'a> {
    pub(crate) count: usize,
    pub(crate) first: &'a [u8],
}

impl<'a> UriNames<'a> {
    fn parse(value: &'a [u8]) -> Result<Self, Malformed> {
        AnyRef::from_der(value)?.sequence(|names| {
            let mut found = Self::default();
            while !names.is_finished() {
                let name = AnyRef::decode(names)?;
                if is_uri(name.tag())? {
                    found.count += 1;
                    if found.count == 1 {
                        found.first = name.value();
                    }
                }
            }
            Ok(found)
        })
    }
}

/// nameConstraints (RFC 5280 section 4.2.1.10), as far as we judge them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NameConstraints {
    /// A permitted or an excluded subtree is a URI.
    pub(crate) on_uris: bool,
}

impl NameConstraints {
    fn parse(value: &[u8]) -> Result<Self, Malformed> {
        AnyRef::from_der(value)?.sequence(|kinds| {
            let mut on_uris = false;
            while !kinds.is_finished() {
                let subtrees = AnyRef::decode(kinds)?;
                if subtrees.tag() != explicit(0) && subtrees.tag() != explicit(1) {
                    return Err(Malformed);
                }
                on_uris |= any_on_uris(subtrees.value())?;
            }
            Ok(Self { on_uris })
        })
    }
}

fn any_on_uris(subtrees: &[u8]) -> Result<bool, Malformed> {
    let mut reader = SliceReader::new(subtrees)?;
    let mut found = false;
    while !reader.is_finished() {
        let mut subtree = SliceReader::new(expect(&mut reader, Tag::Sequence)?)?;
        found |= is_uri(AnyRef::decode(&mut subtree)?.tag())?;
    }
    Ok(found)
}

/// Tells whether a `GeneralName` is a URI. A tag that is none of the nine is an error, and so is a URI in the
/// constructed form: a name that one reader skips and another reads would be a second identity.
fn is_uri(tag: Tag) -> Result<bool, Malformed> {
    match tag {
        Tag::ContextSpecific { constructed, number: TagNumber(URI) } => {
            if constructed {
                Err(Malformed)
            } else {
                Ok(true)
            }
        }
        Tag::ContextSpecific { number: TagNumber(number), .. } if number <= LAST_GENERAL_NAME => Ok(false),
        _ => Err(Malformed),
    }
}
