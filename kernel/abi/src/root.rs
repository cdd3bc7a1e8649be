//! What the root task finds at [`crate::layout::START_BLOCK`]: its handles and what firmware told.

use crate::Handle;
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// [`RootBlock::magic`].
pub const ROOT_MAGIC: u64 = u64::from_le_bytes(*b"AIROXrt2");

/// The root task's start block. The kernel maps it read-only.
#[derive(Clone, Copy, Debug, FromBytes, Immutable, IntoBytes)]
#[repr(C)]
pub struct RootBlock {
    /// [`ROOT_MAGIC`].
    pub magic: u64,
    /// Its own process, all rights.
    pub process: Handle,
    /// Its own first thread, all rights.
    pub thread: Handle,
    /// The root quota: everything the machine has.
    pub quota: Handle,
    /// The machine authority.
    pub machine: Handle,
    /// The system bundle, as a read-only, executable region that starts with it.
    pub bundle: Handle,
    /// Zero.
    pub reserved: u32,
    /// Length of the bundle in bytes.
    pub bundle_length: u64,
    /// Physical address of the ACPI RSDP, 0 if firmware gave none.
    pub rsdp: u64,
    /// The frame buffer, `width == 0` if there is none.
    pub framebuffer: Framebuffer,
    /// First address of the root task's stack mapping, and its length.
    pub stack_base: u64,
    /// Length of the stack in bytes.
    pub stack_length: u64,
}

/// A linear frame buffer as firmware set it up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, Immutable, IntoBytes)]
#[repr(C)]
pub struct Framebuffer {
    /// Physical address.
    pub address: u64,
    /// Length in bytes.
    pub length: u64,
    /// Visible pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// Pixels from one row's start to the next.
    pub stride: u32,
    /// Bytes in a pixel.
    pub bytes_per_pixel: u32,
    /// 0 = RGB, 1 = BGR, 2 = grey, by the order in memory.
    pub format: u32,
    /// Zero.
    pub reserved: u32,
}
