//! One PCI function, as its header tells.

use airox_api::device::{BusAddress, Identity};
use airox_bundle::system::IdentityMatch;
use airox_driver_traits::pci::{ConfigurationSpace, capability, command, find_capability, register};
use airox_driver_traits::registers::Registers;

const NO_VENDOR: u16 = 0xffff;
/// Header type without the bit that says that there are several functions.
const HEADER_LAYOUT: u8 = 0x7f;
const BRIDGE_LAYOUT: u8 = 1;
const SEVERAL_FUNCTIONS: u8 = 1 << 7;

/// A function that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Function {
    /// Where.
    pub address: BusAddress,
    /// The bridge it is behind.
    pub parent: Option<BusAddress>,
    /// What it is.
    pub identity: Identity,
    /// The buses behind it, if it is a bridge: the nearest and the last.
    pub bridge: Option<(u8, u8)>,
    /// Whether there may be more functions beside it.
    pub has_siblings: bool,
}

impl Function {
    /// The function at an address, if there is one.
    pub fn read(
        space: &mut (impl ConfigurationSpace + ?Sized),
        address: BusAddress,
        parent: Option<BusAddress>,
    ) -> Option<Function> {
        let mut function = space.function(address);
        let vendor = function.read_u16(register::VENDOR);
        if vendor == NO_VENDOR {
            return None;
        }
        let header = function.read_u8(register::HEADER_TYPE);
        let bridge = (header & HEADER_LAYOUT == BRIDGE_LAYOUT)
            .then(|| (function.read_u8(register::SECONDARY_BUS), function.read_u8(register::SUBORDINATE_BUS)));
        let identity = Identity {
            vendor,
            device: function.read_u16(register::DEVICE),
            class: function.read_u32(register::CLASS) >> 8,
        };
        Some(Function { address, parent, identity, bridge, has_siblings: header & SEVERAL_FUNCTIONS != 0 })
    }
}

/// Whether a device is one of those that a driver is for.
#[must_use]
pub fn matches(identity: Identity, wanted: &IdentityMatch) -> bool {
    wanted.vendor.is_none_or(|vendor| vendor == identity.vendor)
        && wanted.device.is_none_or(|device| device == identity.device)
        && wanted.class.is_none_or(|class| class == identity.class)
}

/// What a function may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abilities {
    /// Answer to its ports.
    pub ports: bool,
    /// Answer to its memory.
    pub memory: bool,
    /// Use memory by itself and send messages.
    pub bus_master: bool,
    /// Pull its interrupt line.
    pub line: bool,
}

/// Lets a function do this, and nothing else.
pub fn enable(function: &mut impl Registers, abilities: Abilities) {
    use command::{BUS_MASTER, IO, MEMORY, NO_LINE};
    let Abilities { ports, memory, bus_master, line } = abilities;
    let wanted = [(ports, IO), (memory, MEMORY), (bus_master, BUS_MASTER), (!line, NO_LINE)];
    let bits = function.read_u16(register::COMMAND) & !(IO | MEMORY | BUS_MASTER | NO_LINE);
    let wanted = wanted.into_iter().filter(|(wanted, _)| *wanted).fold(bits, |bits, (_, bit)| bits | bit);
    function.write_u16(register::COMMAND, wanted);
}

/// Keeps a function from its interrupt line, which others may share.
pub fn release_line(function: &mut impl Registers) {
    let bits = function.read_u16(register::COMMAND);
    function.write_u16(register::COMMAND, bits | command::NO_LINE);
}

/// Keeps a function from memory and interrupts, and waits, a bounded time, until what it has under way is done (PCI Express Base Specification 5.0, section 7.5.3.5:
/// transactions pending). Returns whether it said so.
pub fn silence(function: &mut impl Registers) -> bool {
    const DEVICE_STATUS: usize = 0x0a;
    const TRANSACTIONS_PENDING: u16 = 1 << 5;
    const LOOKS: u32 = 1_000;
    let bits = function.read_u16(register::COMMAND);
    function.write_u16(register::COMMAND, bits & !command::BUS_MASTER | command::NO_LINE);
    let Some(express) = find_capability(function, capability::EXPRESS) else {
        return true;
    };
    (0..LOOKS).any(|_| function.read_u16(express + DEVICE_STATUS) & TRANSACTIONS_PENDING == 0)
}
