//! What clients and drivers may ask: who opens what, and what a driver is told about its device.

use airox_abi::{Error, Handle, RegionKind, Rights};
use airox_api::device::{
    BusAddress, CONFIGURATION_BYTES, Child, Description, Device, DeviceEntry, DeviceError, DeviceState, FIRST_DRIVER,
    Identity, MAX_SUMMARY, PART_SHIFT, Place,
};
use airox_api::{Caller, Deferred};
use airox_bundle::system::{Component, ComponentKind, Resource};
use airox_driver_traits::pci::{Capability, ConfigurationSpace, capabilities};
use airox_driver_traits::registers::{Registers, Width};
use airox_rt::{Port, Region, TypedHandle};
use airox_spawn::Kernel;
use airox_supervise::close;
use alloc::string::String;
use alloc::vec::Vec;

use crate::Requests;
use crate::manager::Manager;
use crate::platform::Platform;
use crate::slot::{Announcement, Slot};

/// Most callers that wait for devices to appear, and most of one caller.
pub const MAX_WAITING: usize = 32;
const MAX_WAITING_OF_ONE: usize = 8;
/// Devices in one answer; they fit in a page unless they have very many parts, which are cut.
const MAX_ENTRIES: usize = 8;
/// Bytes of the longest capability by which a function could be made to send interrupts or use memory: MSI with masks, and that of PCI Express.
const LONGEST_CAPABILITY: usize = 0x3c;
/// Most parts of a device.
pub const MAX_PARTS: usize = 16;

/// Somebody who waits for a device.
#[derive(Debug)]
pub struct Waiting<W> {
    badge: u64,
    path: String,
    waiter: W,
}

/// What to tell somebody who waited: a handle to be handed over.
pub type Answer<W> = (W, Result<Handle, DeviceError>);

impl<K: Kernel, P: Platform, W> Manager<'_, K, P, W> {
    /// Answers to those who waited, to be sent now. The handles are the receiver's to close.
    pub fn take_answers(&mut self) -> Vec<Answer<W>> {
        core::mem::take(&mut self.answers)
    }

    /// Answers with a handle to the driver of a device or part, now or when there is one.
    pub fn open_device(&mut self, badge: u64, path: &str, wait: bool, waiter: W) {
        let answer = match self.may_open(badge, path) {
            true => self.find_port(badge, path),
            false => Err(DeviceError::NotAllowed),
        };
        let not_yet = matches!(answer, Err(DeviceError::NoSuchDevice));
        if !not_yet || !wait {
            self.answers.push((waiter, answer));
            return;
        }
        let of_one = self.waiting.iter().filter(|other| other.badge == badge).count();
        if self.waiting.len() >= MAX_WAITING || of_one >= MAX_WAITING_OF_ONE {
            self.answers.push((waiter, Err(DeviceError::Full)));
        } else {
            self.waiting.push(Waiting { badge, path: path.into(), waiter });
        }
    }

    /// Whether the system file lets the component of this badge open the path: it names it, or what it is a part of.
    fn may_open(&self, badge: u64, path: &str) -> bool {
        let component = badge.checked_sub(1).and_then(|index| self.site.system.components.get(index as usize));
        let covers = |granted: &String| {
            path.strip_prefix(granted.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        component.is_some_and(|component| component.devices.iter().any(covers))
    }

    /// A handle to the driver that serves a path now. One that starts (again) counts as none.
    fn find_port(&mut self, badge: u64, path: &str) -> Result<Handle, DeviceError> {
        let owns = |slot: &&Slot<'_>| {
            let rest = slot.driving.as_ref().and_then(|driving| path.strip_prefix(driving.path.as_str()));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let slot = self.slots.iter().find(owns).ok_or(DeviceError::NoSuchDevice)?;
        let driving = slot.driving.as_ref().ok_or(DeviceError::NoSuchDevice)?;
        let announced = match (driving.state(), &driving.announced) {
            (DeviceState::Failed | DeviceState::Unusable, _) => return Err(DeviceError::Failed),
            (_, Some(announced)) => announced,
            (_, None) => return Err(DeviceError::NoSuchDevice),
        };
        let part = match path[driving.path.len()..].strip_prefix('/') {
            None => 0,
            Some(name) => {
                let position = announced.parts.iter().position(|part| part == name);
                position.ok_or(DeviceError::NoSuchPart)? as u64 + 1
            }
        };
        let clients = driving.component.ports.first().ok_or(DeviceError::Failed)?.clients;
        let rights = Rights::SEND | Rights::COPY;
        Ok(self.kernel.handle_copy(clients, rights, part << PART_SHIFT | badge)?)
    }

    /// A device serves now: those who waited for it are answered.
    fn answer_waiting(&mut self) {
        for Waiting { badge, path, waiter } in core::mem::take(&mut self.waiting) {
            match self.find_port(badge, &path) {
                Err(DeviceError::NoSuchDevice) => self.waiting.push(Waiting { badge, path, waiter }),
                answer => self.answers.push((waiter, answer)),
            }
        }
    }

    /// A driver was given up: those who wait for its device learn it.
    pub(crate) fn refuse_waiting(&mut self, index: usize) {
        if self.slots[index].driving.is_some() {
            self.answer_waiting();
        }
    }

    /// A driver tells that it serves.
    ///
    /// # Errors
    /// The badge is no driver's, or it has too many parts.
    pub fn announced(&mut self, badge: u64, summary: &str, parts: Vec<String>) -> Result<(), DeviceError> {
        let (driving, _) = self.driving_of(badge).ok_or(DeviceError::NotAllowed)?;
        let fits = |text: &str| text.len() <= MAX_SUMMARY && !text.contains(|letter: char| letter.is_control());
        if parts.len() > MAX_PARTS || !parts.iter().all(|part| fits(part) && !part.contains('/')) || !fits(summary) {
            return Err(DeviceError::Full);
        }
        log::info!("{}: {summary}", driving.path);
        driving.announced = Some(Announcement { summary: summary.into(), parts });
        let number = driving.number;
        self.remove_children(number, false);
        self.answer_waiting();
        Ok(())
    }

    /// Lets a driver's device use memory.
    ///
    /// # Errors
    /// The badge is no driver's that may, or the memory is not such that a device could use it. The handle is used up.
    pub fn map_memory(&mut self, badge: u64, region: Handle) -> Result<u64, DeviceError> {
        let may = self.driving_of(badge).is_some_and(|(driving, _)| driving.record.dma);
        let info = if may { self.platform.region_info(region) } else { Err(Error::MissingRight) };
        let (physical, pages) = match info {
            Ok((pages, RegionKind::Contiguous, address)) if address != 0 => (address, pages),
            other => {
                close(&mut self.kernel, region);
                return Err(if may {
                    other.err().map_or(DeviceError::BadMemory, DeviceError::from)
                } else {
                    DeviceError::NotAllowed
                });
            }
        };
        let address = self.show(badge, physical, pages).inspect_err(|_| close(&mut self.kernel, region))?;
        let (driving, kernel) = self.driving_of(badge).ok_or(DeviceError::NotAllowed)?;
        if driving.mapped.add(kernel, address, region).is_err() {
            self.hide(badge, address)?;
            return Err(DeviceError::BadMemory);
        }
        Ok(address)
    }

    /// A driver's device does not use that memory any more.
    ///
    /// # Errors
    /// It did not before.
    pub fn unmap_memory(&mut self, badge: u64, address: u64) -> Result<(), DeviceError> {
        let (driving, _) = self.driving_of(badge).ok_or(DeviceError::NotAllowed)?;
        if !driving.mapped.has(address) {
            return Err(DeviceError::BadMemory);
        }
        self.hide(badge, address)?;
        let (driving, kernel) = self.driving_of(badge).ok_or(DeviceError::NotAllowed)?;
        driving.mapped.remove(kernel, address);
        Ok(())
    }

    /// A register in a device's configuration space that its driver may use.
    ///
    /// # Errors
    /// Its `component.toml` does not name the register, or a capability is there, by which interrupts could be sent.
    fn register_of(&mut self, badge: u64, offset: u8) -> Result<(BusAddress, Width), DeviceError> {
        let index = self.index_of(badge).ok_or(DeviceError::NotAllowed)?;
        let slot = &self.slots[index];
        let driving = slot.driving.as_ref().ok_or(DeviceError::NotAllowed)?;
        let address = slot.found.function().ok_or(DeviceError::NotAllowed)?.address;
        let mut registers = driving.record.configuration.iter();
        let register = registers.find(|register| register.offset == offset).ok_or(DeviceError::NotAllowed)?;
        let width = match register.bytes {
            1 => Width::One,
            2 => Width::Two,
            _ => Width::Four,
        };
        let (first, end) = (usize::from(offset), usize::from(offset) + width.bytes());
        let covered = |found: &Capability| found.offset < end && first < found.offset + LONGEST_CAPABILITY;
        let mut space = self.platform.configuration().function(address);
        if capabilities(&mut space).iter().any(covered) {
            return Err(DeviceError::NotAllowed);
        }
        Ok((address, width))
    }

    /// A driver reads such a register.
    ///
    /// # Errors
    /// As above.
    pub fn read_configuration(&mut self, badge: u64, offset: u8) -> Result<u32, DeviceError> {
        let (address, width) = self.register_of(badge, offset)?;
        Ok(self.platform.configuration().read(address, offset.into(), width) as u32)
    }

    /// A driver writes such a register.
    ///
    /// # Errors
    /// As above.
    pub fn write_configuration(&mut self, badge: u64, offset: u8, value: u32) -> Result<(), DeviceError> {
        let (address, width) = self.register_of(badge, offset)?;
        self.platform.configuration().write(address, offset.into(), width, value.into());
        Ok(())
    }

    /// What a driver is told.
    ///
    /// # Errors
    /// The badge is no driver's.
    pub fn description(&mut self, badge: u64) -> Result<Description, DeviceError> {
        let index = self.index_of(badge).ok_or(DeviceError::NotAllowed)?;
        let slot = &self.slots[index];
        let driving = slot.driving.as_ref().ok_or(DeviceError::NotAllowed)?;
        let function = slot.found.function().ok_or(DeviceError::NotAllowed)?;
        let mut space = self.platform.configuration().function(function.address);
        let configuration = (0..CONFIGURATION_BYTES / 4).flat_map(|word| space.read_u32(word * 4).to_le_bytes());
        Ok(Description {
            address: function.address,
            identity: function.identity,
            configuration: configuration.collect(),
            windows: driving.windows.clone(),
            ports: driving.ports.clone(),
            interrupts: driving.interrupts.count(),
        })
    }

    /// The devices from place `cursor` on, as many as fit in an answer.
    #[must_use]
    pub fn entries(&self, cursor: u32) -> Vec<DeviceEntry> {
        let legacy = self.site.system.components.iter().flat_map(legacy_entries);
        self.slots.iter().map(entry).chain(legacy).skip(cursor as usize).take(MAX_ENTRIES).collect()
    }
}

/// The devices at fixed ports that a component of the system has: serial ports, the keyboard controller, the clock.
fn legacy_entries(component: &Component) -> impl Iterator<Item = DeviceEntry> {
    let driver = component.kind == ComponentKind::Driver;
    component.resources.iter().filter(move |_| driver).filter_map(|resource| match resource {
        Resource::IoPorts { name, first, .. } => Some(DeviceEntry {
            place: Place::Ports(*first),
            parent: None,
            identity: Identity { vendor: 0, device: 0, class: 0 },
            path: String::new(),
            driver: component.name.clone(),
            state: DeviceState::Component,
            restarts: 0,
            summary: name.clone(),
            parts: Vec::new(),
        }),
        _ => None,
    })
}

fn entry(slot: &Slot<'_>) -> DeviceEntry {
    let found = &slot.found;
    let without_driver = if found.is_bridge() { DeviceState::Bridge } else { DeviceState::NoDriver };
    let mut entry = DeviceEntry {
        place: found.place(),
        parent: found.parent(),
        identity: found.identity(),
        path: String::new(),
        driver: String::new(),
        state: without_driver,
        restarts: 0,
        summary: found.on_bus().map(|found| found.child.name.clone()).unwrap_or_default(),
        parts: Vec::new(),
    };
    if let Some(driving) = &slot.driving {
        entry.path.clone_from(&driving.path);
        entry.driver.clone_from(&driving.name);
        entry.state = driving.state();
        entry.restarts = driving.component.restarts;
        if let Some(why) = driving.unusable {
            entry.summary = why.into();
        }
        if let Some(announced) = &driving.announced {
            entry.summary.clone_from(&announced.summary);
            entry.parts.clone_from(&announced.parts);
        }
    }
    entry
}

/// Components may list and open; drivers may not, and have their own methods.
fn component_only(caller: Caller) -> Result<(), DeviceError> {
    if caller.badge < u64::from(FIRST_DRIVER) { Ok(()) } else { Err(DeviceError::NotAllowed) }
}

impl<K: Kernel, P: Platform> Device for Requests<'_, Manager<'_, K, P, Deferred<Port, DeviceError>>> {
    fn list(&mut self, caller: Caller, cursor: u32) -> Result<Vec<DeviceEntry>, DeviceError> {
        component_only(caller)?;
        Ok(self.0.entries(cursor))
    }

    fn rescan(&mut self, caller: Caller) -> Result<u32, DeviceError> {
        component_only(caller)?;
        Ok(self.0.rescan() as u32)
    }

    fn open(&mut self, caller: Caller, path: &str, wait: bool, reply: Deferred<Port, DeviceError>) {
        self.0.open_device(caller.badge, path, wait, reply);
    }

    fn describe(&mut self, caller: Caller) -> Result<Description, DeviceError> {
        self.0.description(caller.badge)
    }

    fn map(&mut self, caller: Caller, memory: Region) -> Result<u64, DeviceError> {
        self.0.map_memory(caller.badge, memory.into_raw())
    }

    fn unmap(&mut self, caller: Caller, address: u64) -> Result<(), DeviceError> {
        self.0.unmap_memory(caller.badge, address)
    }

    fn announce(&mut self, caller: Caller, summary: &str, parts: Vec<String>) -> Result<(), DeviceError> {
        self.0.announced(caller.badge, summary, parts)
    }

    fn add_child(&mut self, caller: Caller, child: Child) -> Result<(), DeviceError> {
        self.0.child_added(caller.badge, child)
    }

    fn remove_child(&mut self, caller: Caller, key: u32) -> Result<(), DeviceError> {
        self.0.child_removed(caller.badge, key)
    }

    fn read_configuration(&mut self, caller: Caller, offset: u8) -> Result<u32, DeviceError> {
        self.0.read_configuration(caller.badge, offset)
    }

    fn write_configuration(&mut self, caller: Caller, offset: u8, value: u32) -> Result<(), DeviceError> {
        self.0.write_configuration(caller.badge, offset, value)
    }
}
