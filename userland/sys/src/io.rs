//! I/O ports from ring 3, once an [`IoPorts`] handle is bound to the process.

use crate::handle::IoPorts;
use airox_abi::Error;

/// Ports `first .. first + count`, bound to this process. The handle is kept, so the authority lasts as long as
/// this value.
#[derive(Debug)]
pub struct PortRange {
    _authority: IoPorts,
    first: u16,
    count: u16,
}

impl PortRange {
    /// Binds the ports to this process. `first` and `count` must be the handle's own range (the kernel does
    /// not tell it): touching a port that the handle does not cover is a protection fault.
    pub fn bind(authority: IoPorts, first: u16, count: u16) -> Result<PortRange, Error> {
        if u32::from(first) + u32::from(count) > 0x1_0000 {
            return Err(Error::InvalidArgument);
        }
        authority.bind()?;
        Ok(PortRange { _authority: authority, first, count })
    }

    /// The first port.
    #[must_use]
    pub fn first(&self) -> u16 {
        self.first
    }

    /// How many.
    #[must_use]
    pub fn count(&self) -> u16 {
        self.count
    }

    /// The offset of a port, if the range has it.
    #[must_use]
    pub fn offset_of(&self, port: u16) -> Option<u16> {
        port.checked_sub(self.first).filter(|&offset| offset < self.count)
    }

    /// The port at `offset`, for an access of `width` bytes.
    fn port(&self, offset: u16, width: u16) -> u16 {
        assert!(
            u32::from(offset) + u32::from(width) <= u32::from(self.count),
            "I/O port offset out of the bound range"
        );
        self.first + offset
    }
}

macro_rules! accesses {
    ($($read:ident, $write:ident, $type:ty, $width:literal, $register:tt;)*) => {
        impl PortRange { $(
            #[doc = concat!("Reads ", stringify!($type), " from the port at `offset`.\n\n# Panics\nIf the access leaves the range.")]
            #[must_use]
            pub fn $read(&self, offset: u16) -> $type {
                let port = self.port(offset, $width);
                let value: $type;
                // SAFETY:
                // 1. The port lies in the range given at `bind`; a port without authority is a fault, not memory unsafety.
                // 2. The instruction touches no memory and no flags.
                unsafe {
                    core::arch::asm!(
                        concat!("in ", $register, ", dx"),
                        in("dx") port, out($register) value,
                        options(nomem, nostack, preserves_flags)
                    );
                }
                value
            }

            #[doc = concat!("Writes ", stringify!($type), " to the port at `offset`.\n\n# Panics\nIf the access leaves the range.")]
            pub fn $write(&self, offset: u16, value: $type) {
                let port = self.port(offset, $width);
                // SAFETY:
                // 1. As for reading.
                // 2. A device made to do DMA by a port write is confined by who granted the port; the block
                //    is not `nomem`, so such memory is written before.
                unsafe {
                    core::arch::asm!(
                        concat!("out dx, ", $register),
                        in("dx") port, in($register) value,
                        options(nostack, preserves_flags)
                    );
                }
            }
        )* }
    };
}

accesses! {
    read_u8, write_u8, u8, 1, "al";
    read_u16, write_u16, u16, 2, "ax";
    read_u32, write_u32, u32, 4, "eax";
}
