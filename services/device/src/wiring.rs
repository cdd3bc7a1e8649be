//! Interrupt lines: which one a function's pin pulls.
//!
//! How a board is wired is told by AML (`_PRT`), which nobody interprets here. One board is known by heart: QEMU's q35, that is an ICH9 whose routing
//! registers are as a reset leaves them (Intel I/O Controller Hub 9 datasheet, sections 5.8.6 and 10.1.26 to 10.1.33: pins A to D of
//! devices 25 to 31 pull PIRQ A to D; in APIC mode PIRQ A to H are the global lines 16 to 23), and that wires all other slots to PIRQ E to H in
//! turn. Behind bridges pins turn by the device's number (PCI-to-PCI Bridge Architecture Specification 1.2, section 9.1). On any other board a function must
//! interrupt by messages.

use airox_driver_traits::pci::{BusAddress, ConfigurationSpace, register};
use airox_driver_traits::registers::Registers;

use crate::function::Function;

/// The lines that pins of PCI functions can pull.
pub const LINES: core::ops::Range<u32> = 16..24;

const INTEL: u16 = 0x8086;
const Q35: u16 = 0x29c0;
const ICH9: u16 = 0x2918;
/// Subsystem vendor of what QEMU makes.
const QEMU: u16 = 0x1af4;
const HOST_BRIDGE: BusAddress = BusAddress { bus: 0, device: 0, function: 0 };
const ICH9_PLACE: BusAddress = BusAddress { bus: 0, device: 31, function: 0 };
/// Devices of the ICH9 itself.
const OWN_DEVICES: core::ops::RangeInclusive<u8> = 25..=31;
/// Its bridge to conventional PCI, whose pins QEMU wires to PIRQ E to H.
const OWN_BRIDGE: u8 = 30;
const PINS: u32 = 4;
/// Where the ICH9 says which ISA line PIRQ A to D and E to H pull, and that one pulls none.
const ROUTING: [core::ops::Range<usize>; 2] = [0x60..0x64, 0x68..0x6c];
const NOT_ROUTED: u8 = 0x80;

/// The line that a function's pin pulls, if it has one and the board is known. `parent_of` tells the bridge that a bridge is behind.
pub fn line(
    space: &mut impl ConfigurationSpace,
    function: &Function,
    parent_of: impl Fn(BusAddress) -> Option<BusAddress>,
) -> Option<u32> {
    /// Bridges on the way; a board has fewer.
    const MAX_BRIDGES: usize = 32;
    if !is_q35(space) {
        return None;
    }
    let pin = space.function(function.address).read_u8(register::INTERRUPT_PIN);
    let mut pin = u32::from(pin).checked_sub(1).filter(|pin| *pin < PINS)?;
    let (mut at, mut parent) = (function.address, function.parent);
    for _ in 0..MAX_BRIDGES {
        let Some(bridge) = parent else { break };
        pin = (pin + u32::from(at.device)) % PINS;
        (at, parent) = (bridge, parent_of(bridge));
    }
    let request = match at.device {
        OWN_BRIDGE => PINS + pin,
        device if OWN_DEVICES.contains(&device) => pin,
        device => PINS + (pin + u32::from(device)) % PINS,
    };
    parent.is_none().then_some(LINES.start + request)
}

/// Has pins pull their global lines and no others. Firmware lets them pull lines of ISA devices as well, for software that knows only those (ICH9 datasheet,
/// section 13.1.12: bit 7 of a routing register ends that): a serial port's driver would be told of their interrupts for ever.
pub fn keep_from_isa(space: &mut impl ConfigurationSpace) {
    if is_q35(space) {
        let mut bridge = space.function(ICH9_PLACE);
        for register in ROUTING.into_iter().flatten() {
            bridge.write_u8(register, NOT_ROUTED);
        }
    }
}

fn is_q35(space: &mut impl ConfigurationSpace) -> bool {
    let mut is = |at, expected| {
        let mut function = space.function(at);
        let told = (function.read_u16(register::VENDOR), function.read_u16(register::DEVICE));
        told == (INTEL, expected) && function.read_u16(register::SUBSYSTEM_VENDOR) == QEMU
    };
    is(HOST_BRIDGE, Q35) && is(ICH9_PLACE, ICH9)
}
