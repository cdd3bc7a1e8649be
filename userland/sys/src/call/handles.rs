//! Handles.

use super::{arg, handle};
use crate::stub::simple;
use airox_abi::{Error, Handle, ObjectKind, Rights, SystemCall};

/// Derives a copy with at most `rights`; `badge` 0 keeps the source's.
pub fn handle_copy(source: Handle, rights: Rights, badge: u64) -> Result<Handle, Error> {
    let arguments = [arg(source), u64::from(rights.bits()), badge, 0, 0, 0];
    simple(SystemCall::HandleCopy, arguments).map(|values| handle(values[0]))
}

/// Gives a handle up.
pub fn handle_close(closed: Handle) -> Result<(), Error> {
    simple(SystemCall::HandleClose, [arg(closed), 0, 0, 0, 0, 0]).map(drop)
}

/// Takes back everything derived from the handle.
pub fn handle_revoke(revoked: Handle) -> Result<(), Error> {
    simple(SystemCall::HandleRevoke, [arg(revoked), 0, 0, 0, 0, 0]).map(drop)
}

/// Kind, rights and badge of a handle.
pub fn handle_info(asked: Handle) -> Result<(ObjectKind, Rights, u64), Error> {
    let [kind, rights, badge, _] = simple(SystemCall::HandleInfo, [arg(asked), 0, 0, 0, 0, 0])?;
    let kind = ObjectKind::from_code(kind).ok_or(Error::WrongType)?;
    Ok((kind, Rights::from_bits_truncate(rights as u16), badge))
}
