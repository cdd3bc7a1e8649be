//! Machine resources that belong to one component, whichever instance of it runs.

use alloc::string::String;
use alloc::vec::Vec;

use airox_abi::{Handle, ObjectKind, Rights};
use airox_spawn::Grant;

/// One minted resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Minted {
    /// The name under which its owner finds it, such as `irq:uart`.
    pub name: String,
    /// The supervisor's handle: what the owner gets is derived from it.
    pub handle: Handle,
    /// What it names.
    pub kind: ObjectKind,
    /// What its owner may do with it.
    pub rights: Rights,
}

impl Minted {
    /// What the owner gets.
    #[must_use]
    pub fn grant(&self) -> Grant<'_> {
        Grant { name: &self.name, handle: self.handle, kind: self.kind, rights: self.rights, badge: 0 }
    }
}

/// What one component owns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owned {
    /// Its resources.
    pub handles: Vec<Minted>,
    /// What it has to be told about them, as further arguments.
    pub arguments: Vec<String>,
}
