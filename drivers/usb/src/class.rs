//! Class codes of interfaces, `0xCCSSPP`: class, subclass, protocol.

/// Hubs, whatever their subclass and protocol.
pub const HUB: u32 = 0x09;
/// Human interface devices with the boot protocol of keyboards (HID 1.11, section 4.2).
pub const BOOT_KEYBOARD: u32 = 0x03_0101;
/// Mass storage: SCSI commands, bulk-only transport.
pub const MASS_STORAGE: u32 = 0x08_0650;

/// The class alone.
#[must_use]
pub const fn of(code: u32) -> u32 {
    code >> 16
}
