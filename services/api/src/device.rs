//! The device manager: which devices there are, who drives them, and how to reach them.
//!
//! Three kinds of callers hold handles to it, told apart by their badges: components of the system (list, rescan, open what the system
//! file grants them), drivers that it started (describe, map, announce), and whoever supervises (interface `supervisor` on the same port).

use airox_api_macros::interface;
use airox_sys::{Port, Region};
use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

pub use airox_driver_traits::pci::BusAddress;
pub use airox_driver_traits::usb::UsbAddress;

/// Number of the first driver process: its badge at the log and at the manager.
pub const FIRST_DRIVER: u32 = 10_001;
/// Bytes of configuration space that a driver is told: what every PCI function has.
pub const CONFIGURATION_BYTES: usize = 256;
/// Most bytes of what a driver says of its device, and of the name of a part of it.
pub const MAX_SUMMARY: usize = 40;
/// In the badge of a handle to a driver's port: where the number of the part (0: the whole device) begins. Below it is the client's number.
pub const PART_SHIFT: u32 = 32;

/// In the badge of a handle to the port of a bus's driver: the handle is for the driver of a device on that bus, whose key is below it.
pub const CHILD_BADGE: u64 = 1 << 62;

/// Where a device is. Ordered so that what is behind something comes after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Place {
    /// A PCI function.
    Pci(BusAddress),
    /// An interface of a USB device.
    Usb(UsbAddress),
    /// A device that every PC has, or may have, at the same I/O ports: the first of them.
    Ports(u16),
}

impl Place {
    fn key(&self) -> (BusAddress, [u8; UsbAddress::MOST_PORTS], u8) {
        match self {
            Place::Pci(address) => (*address, [0; UsbAddress::MOST_PORTS], 0),
            Place::Usb(address) => (address.controller, address.ports, address.interface),
            // Behind all buses: none has this number, device and function at once.
            Place::Ports(first) => {
                let mut ports = [0; UsbAddress::MOST_PORTS];
                ports[..2].copy_from_slice(&first.to_be_bytes());
                (BusAddress { bus: u8::MAX, device: u8::MAX, function: u8::MAX }, ports, 0)
            }
        }
    }
}

impl Ord for Place {
    fn cmp(&self, other: &Place) -> core::cmp::Ordering {
        self.key().cmp(&other.key())
    }
}

impl PartialOrd for Place {
    fn partial_cmp(&self, other: &Place) -> Option<core::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl core::fmt::Display for Place {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Place::Pci(address) => address.fmt(formatter),
            Place::Usb(address) => address.fmt(formatter),
            Place::Ports(first) => write!(formatter, "ports {first:#x}"),
        }
    }
}

/// A device that the driver of a bus found there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Child {
    /// The number by which that driver knows it, never given twice: the handle that the device's driver gets has it in its badge.
    pub key: u32,
    /// Where it is: port numbers from the controller on, 0 behind the last.
    pub ports: [u8; UsbAddress::MOST_PORTS],
    /// Which of the device's interfaces.
    pub interface: u8,
    /// What it is.
    pub identity: Identity,
    /// Whether it leads to further devices.
    pub bridge: bool,
    /// Its name, for people.
    pub name: String,
}

/// Who makes a device and what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// Vendor, as PCI or USB numbers them.
    pub vendor: u16,
    /// The vendor's number for the device.
    pub device: u16,
    /// Class, subclass and programming interface (USB: the interface's class, subclass and protocol): `0xCCSSPP`.
    pub class: u32,
}

/// What becomes of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeviceState {
    /// No driver of this system matches it.
    NoDriver,
    /// It leads to further buses.
    Bridge,
    /// A component of the system has it, which init started and supervises.
    Component,
    /// Its driver has been started and has not said yet that it serves.
    Starting,
    /// Its driver serves.
    Running,
    /// Its driver ended and is started again soon.
    Restarting,
    /// Its driver failed too often, or found that it cannot drive it.
    Failed,
    /// It lacks what its driver needs: an address, an interrupt.
    Unusable,
}

impl DeviceState {
    /// In a word or two.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            DeviceState::NoDriver => "no driver",
            DeviceState::Bridge => "bridge",
            DeviceState::Component => "component",
            DeviceState::Starting => "starting",
            DeviceState::Running => "running",
            DeviceState::Restarting => "restarting",
            DeviceState::Failed => "failed",
            DeviceState::Unusable => "unusable",
        }
    }
}

/// One device in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceEntry {
    /// Where it is.
    pub place: Place,
    /// The bridge it is behind, if it is not on the first bus.
    pub parent: Option<Place>,
    /// What it is.
    pub identity: Identity,
    /// Its path, if a driver matches: `/dev/block/disk0`.
    pub path: String,
    /// Its driver's process, empty without one.
    pub driver: String,
    /// What becomes of it.
    pub state: DeviceState,
    /// How often its driver was restarted.
    pub restarts: u32,
    /// What the driver says about it, such as its size.
    pub summary: String,
    /// Names of its parts, each a path below its own.
    pub parts: Vec<String>,
}

/// A range of a device's memory that its driver was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Which base address register.
    pub bar: u8,
    /// Where the window begins in that register's range, in bytes: a multiple of a page.
    pub offset: u64,
    /// Bytes.
    pub length: u64,
}

impl Window {
    /// The name of the driver's handle to it.
    #[must_use]
    pub fn handle_name(&self) -> String {
        alloc::format!("mmio:{}+{:#x}", self.bar, self.offset)
    }
}

/// A range of a device's I/O ports, all of which its driver was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortWindow {
    /// Which base address register.
    pub bar: u8,
    /// The first port.
    pub first: u16,
    /// How many.
    pub count: u16,
}

impl PortWindow {
    /// The name of the driver's handle to it.
    #[must_use]
    pub fn handle_name(&self) -> String {
        alloc::format!("ports:{}", self.bar)
    }
}

/// What a driver is told about its device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    /// Where it is.
    pub address: BusAddress,
    /// What it is.
    pub identity: Identity,
    /// Its configuration space as it was when the driver was started, [`CONFIGURATION_BYTES`] long.
    pub configuration: Vec<u8>,
    /// Its memory; the handles are in the start block ([`Window::handle_name`]).
    pub windows: Vec<Window>,
    /// Its ports; the handles are in the start block ([`PortWindow::handle_name`]).
    pub ports: Vec<PortWindow>,
    /// How many interrupts it got: `irq:0` and so on. One that is a line stays masked until it is acknowledged; for a message that does nothing.
    pub interrupts: u32,
}

/// What the device manager refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeviceError {
    /// The system file does not grant the caller this.
    NotAllowed,
    /// No device has this path now.
    NoSuchDevice,
    /// The device has no such part.
    NoSuchPart,
    /// Its driver was given up.
    Failed,
    /// The memory is not contiguous, or mapped already.
    BadMemory,
    /// As many things of this kind as there can be.
    Full,
    /// A kernel call failed: an [`airox_abi::Error`] code.
    Kernel(u32),
}

impl core::fmt::Display for DeviceError {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str(match self {
            DeviceError::NotAllowed => "not allowed",
            DeviceError::NoSuchDevice => "no such device",
            DeviceError::NoSuchPart => "the device has no such part",
            DeviceError::Failed => "its driver was given up",
            DeviceError::BadMemory => "the memory cannot be used by a device",
            DeviceError::Full => "no room in the device manager",
            DeviceError::Kernel(code) => match airox_abi::Error::from_code(u64::from(*code)) {
                Some(error) => error.text(),
                None => "unknown kernel error",
            },
        })
    }
}

impl core::error::Error for DeviceError {}

impl From<airox_abi::Error> for DeviceError {
    fn from(error: airox_abi::Error) -> DeviceError {
        DeviceError::Kernel(error as u32)
    }
}

/// The device manager.
#[interface(name = "device")]
pub trait Device {
    /// The devices in order of their addresses, from place `cursor` on, as many as fit in one answer; none past the end.
    fn list(cursor: u32) -> Result<Vec<DeviceEntry>, DeviceError>;

    /// Looks for devices that came and went; returns how many there are.
    fn rescan() -> Result<u32, DeviceError>;

    /// A handle to the driver of a device, or to a part of it, badged with the caller's number. It outlives the driver's restarts. With `wait` it is
    /// answered when the driver serves (first) under that path; else at once.
    #[deferred]
    fn open(path: &str, wait: bool) -> Result<Port, DeviceError>;

    /// For drivers: the device.
    fn describe() -> Result<Description, DeviceError>;

    /// For drivers: lets the device use contiguous memory; returns the address by which the device names it. A driver resets its device before its first
    /// call: what its predecessor's device may have used is given up then.
    fn map(#[rights(READ | WRITE | DMA)] memory: Region) -> Result<u64, DeviceError>;

    /// For drivers: the device does not use the memory at that address any more.
    fn unmap(address: u64) -> Result<(), DeviceError>;

    /// For drivers: the device is served from now on. What a bus's driver has not added (again) by now is taken for gone. `parts` are what else can be opened below its path, in order: the first is part 1.
    fn announce(summary: &str, parts: &[String]) -> Result<(), DeviceError>;

    /// For drivers of buses: a device has been found. Its driver is started, with a handle to the caller's port.
    fn add_child(child: &Child) -> Result<(), DeviceError>;

    /// For drivers of buses: the device of this key has gone.
    fn remove_child(key: u32) -> Result<(), DeviceError>;

    /// For drivers: reads a register of the device's configuration space, one of those that `[match]` of the driver's `component.toml` names, by its offset.
    fn read_configuration(offset: u8) -> Result<u32, DeviceError>;

    /// For drivers: writes one of those.
    fn write_configuration(offset: u8, value: u32) -> Result<(), DeviceError>;
}
