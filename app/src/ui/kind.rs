//! The look of a kind of filesystem.

use fs_backends::location::Kind;

use crate::theme::FsKind;

impl From<Kind> for FsKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Host => Self::Host,
            Kind::VRoot => Self::Sandbox,
            Kind::Memory => Self::Memory,
            Kind::Vault => Self::Vault,
            Kind::Store => Self::Store,
            Kind::Stack => Self::Stack,
        }
    }
}
