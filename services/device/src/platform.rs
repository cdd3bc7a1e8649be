//! What the manager needs apart from the kernel calls that every supervisor needs.

use airox_abi::{Error, Handle, RegionKind};
use airox_driver_traits::pci::ConfigurationSpace;

use crate::confinement::Confinement;

/// PCI, and init.
pub trait Platform {
    /// Configuration space of all functions.
    type Space: ConfigurationSpace;

    /// Configuration space of all functions.
    fn configuration(&mut self) -> &mut Self::Space;

    /// Writes 32-bit registers of a device, in this order: byte offsets in the region, and values.
    ///
    /// # Errors
    /// The region cannot be mapped.
    fn write_registers(&mut self, region: Handle, writes: &[(usize, u32)]) -> Result<(), Error>;

    /// Has an interrupt notify bits of a signal.
    ///
    /// # Errors
    /// The handles do not allow it.
    fn bind_interrupt(&mut self, interrupt: Handle, signal: Handle, bits: u64) -> Result<(), Error>;

    /// Pages, kind and physical address of a region.
    ///
    /// # Errors
    /// The handle does not allow it.
    fn region_info(&mut self, region: Handle) -> Result<(u64, RegionKind, u64), Error>;

    /// What confines devices to memory, if the machine has it.
    fn confinement(&mut self) -> Option<&mut dyn Confinement>;

    /// Tells init, and through it the log, the name of the driver process of this number. It is a matter of looks, so nobody minds if init does
    /// not take it.
    fn introduce(&mut self, number: u32, name: &str);

    /// The driver process of this number is gone.
    fn release(&mut self, number: u32);
}
