//! One function for each system call, by its name, over raw handles. What each does, which rights it
//! needs and in which order its numbers come is said once, at
//! [`airox_abi::SystemCall`].
//!
//! `Handle::NONE` stands where the kernel takes "none" or "mine".

mod budgets;
mod handles;
mod machine;
mod messages;
mod objects;
mod processes;
mod signals;

pub use budgets::*;
pub use handles::*;
pub use machine::*;
pub use messages::*;
pub use objects::*;
pub use processes::*;
pub use signals::*;

use airox_abi::Handle;
use airox_abi::layout::NAME_LENGTH;

#[inline(always)]
const fn arg(handle: Handle) -> u64 {
    handle.0 as u64
}

#[inline(always)]
const fn handle(value: u64) -> Handle {
    Handle(value as u32)
}

#[inline(always)]
fn address<T: ?Sized>(value: &T) -> u64 {
    core::ptr::from_ref(value).cast::<u8>() as u64
}

#[inline(always)]
fn address_mut<T: ?Sized>(value: &mut T) -> u64 {
    core::ptr::from_mut(value).cast::<u8>() as u64
}

/// A name as the kernel takes it: cut to [`NAME_LENGTH`] bytes, padded with zeros.
#[must_use]
pub fn padded_name(name: &str) -> [u8; NAME_LENGTH] {
    let mut padded = [0; NAME_LENGTH];
    let length = name.len().min(NAME_LENGTH);
    padded[..length].copy_from_slice(&name.as_bytes()[..length]);
    padded
}
