//! One device: what was found, and, if a driver of the system matches, all that is kept for the driver while its instances come and go.

use airox_abi::{Error, Handle};
use airox_api::device::{DeviceState, Identity, Place, PortWindow, Window};
use airox_bundle::system::Driver;
use airox_spawn::Kernel;
use airox_supervise::close;
use airox_supervise::component::{Component, State};
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;

use crate::bars::Bar;
use crate::children::{NO_BUS, OnBus};
use crate::function::Function;
use crate::hotplug::Plugs;
use crate::messages::Messages;

/// Most regions that one device can use at a time.
pub const MAX_MAPPED: usize = 64;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// A PCI function.
    Function(Function),
    /// A device on the bus of a driver.
    OnBus(OnBus),
}

impl Found {
    /// Where it is.
    #[must_use]
    pub const fn place(&self) -> Place {
        match self {
            Found::Function(function) => Place::Pci(function.address),
            Found::OnBus(found) => Place::Usb(found.address),
        }
    }

    /// What it is behind.
    #[must_use]
    pub fn parent(&self) -> Option<Place> {
        match self {
            Found::Function(function) => function.parent.map(Place::Pci),
            Found::OnBus(found) => Some(found.parent),
        }
    }

    /// What it is.
    #[must_use]
    pub const fn identity(&self) -> Identity {
        match self {
            Found::Function(function) => function.identity,
            Found::OnBus(found) => found.child.identity,
        }
    }

    /// Whether it leads to further devices.
    #[must_use]
    pub const fn is_bridge(&self) -> bool {
        match self {
            Found::Function(function) => function.bridge.is_some(),
            Found::OnBus(found) => found.child.bridge,
        }
    }

    /// The PCI function.
    #[must_use]
    pub const fn function(&self) -> Option<&Function> {
        match self {
            Found::Function(function) => Some(function),
            Found::OnBus(_) => None,
        }
    }

    /// The device on the bus of a driver.
    #[must_use]
    pub const fn on_bus(&self) -> Option<&OnBus> {
        match self {
            Found::Function(_) => None,
            Found::OnBus(found) => Some(found),
        }
    }

    /// As [`Found::on_bus`].
    pub const fn on_bus_mut(&mut self) -> Option<&mut OnBus> {
        match self {
            Found::Function(_) => None,
            Found::OnBus(found) => Some(found),
        }
    }
}

/// A device.
#[derive(Debug)]
pub struct Slot<'a> {
    /// What was found.
    pub found: Found,
    /// Its driver.
    pub driving: Option<Driving<'a>>,
    /// What is kept if devices come and go behind it.
    pub plugs: Option<Plugs>,
}

/// What the manager keeps for a driver of one device.
#[derive(Debug)]
pub struct Driving<'a> {
    /// The driver.
    pub record: &'a Driver,
    /// Number of its processes: their badge.
    pub number: u32,
    /// Name of its processes.
    pub name: String,
    /// The device's path.
    pub path: String,
    /// Instance, ports, resources, past.
    pub component: Component,
    /// Why the device cannot be used, if so.
    pub unusable: Option<&'static str>,
    /// The device's memory and ports.
    pub bars: Vec<Bar>,
    /// The parts of it that the driver has.
    pub windows: Vec<Window>,
    /// Its ports, all of which the driver has.
    pub ports: Vec<PortWindow>,
    /// How it interrupts.
    pub interrupts: Interrupts,
    /// What the driver said of its device.
    pub announced: Option<Announcement>,
    /// The memory that the device may use.
    pub mapped: Mapped,
    /// Requests of the device for other memory, since its driver was started.
    pub trespasses: u32,
}

/// How a device interrupts its driver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Interrupts {
    /// Not at all.
    None,
    /// By messages, which are for these lines.
    Messages(Messages, Vec<u32>),
    /// By this line, which no other driver has.
    Line(u32),
}

impl Interrupts {
    /// The lines that its messages are for.
    #[must_use]
    pub fn messages(&self) -> &[u32] {
        match self {
            Interrupts::Messages(_, lines) => lines,
            Interrupts::None | Interrupts::Line(_) => &[],
        }
    }

    /// How many the driver has.
    #[must_use]
    pub fn count(&self) -> u32 {
        match self {
            Interrupts::None => 0,
            Interrupts::Messages(_, lines) => lines.len() as u32,
            Interrupts::Line(_) => 1,
        }
    }
}

/// What a driver that serves says of its device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    /// For people.
    pub summary: String,
    /// What can be opened besides the whole.
    pub parts: Vec<String>,
}

impl Driving<'_> {
    /// For people.
    #[must_use]
    pub fn state(&self) -> DeviceState {
        match self.component.state {
            _ if self.unusable == Some(NO_BUS) => DeviceState::Restarting,
            _ if self.unusable.is_some() => DeviceState::Unusable,
            State::Running if self.announced.is_some() => DeviceState::Running,
            State::New | State::Running => DeviceState::Starting,
            State::Waiting { .. } => DeviceState::Restarting,
            State::Stopped | State::Failed => DeviceState::Failed,
        }
    }
}

/// Handles to memory that a device may use, by the address it uses. They keep the memory from being anything else meanwhile.
#[derive(Debug, Default)]
pub struct Mapped {
    now: BTreeMap<u64, Handle>,
    /// What the last instance mapped: the device may use it until it is reset.
    stale: Vec<Handle>,
}

impl Mapped {
    /// The device may use this memory. The first of an instance says that the device has been reset.
    ///
    /// # Errors
    /// There is too much, or it is mapped already; the handle is closed then.
    pub fn add<K: Kernel>(&mut self, kernel: &mut K, address: u64, region: Handle) -> Result<(), Error> {
        self.give_up_stale(kernel);
        if self.now.len() >= MAX_MAPPED || self.now.contains_key(&address) {
            close(kernel, region);
            return Err(Error::AlreadyMapped);
        }
        self.now.insert(address, region);
        Ok(())
    }

    /// Whether the device uses memory at that address.
    #[must_use]
    pub fn has(&self, address: u64) -> bool {
        self.now.contains_key(&address)
    }

    /// The device does not use it any more.
    pub fn remove<K: Kernel>(&mut self, kernel: &mut K, address: u64) {
        if let Some(region) = self.now.remove(&address) {
            close(kernel, region);
        }
    }

    /// The driver ended: its device may still use everything.
    pub fn driver_ended(&mut self) {
        self.stale.extend(core::mem::take(&mut self.now).into_values());
    }

    /// The device has gone.
    pub fn device_gone<K: Kernel>(&mut self, kernel: &mut K) {
        self.driver_ended();
        self.give_up_stale(kernel);
    }

    fn give_up_stale<K: Kernel>(&mut self, kernel: &mut K) {
        for region in self.stale.drain(..) {
            close(kernel, region);
        }
    }
}
