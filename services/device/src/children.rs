//! Devices on buses that a driver drives: it says which there are, and their drivers reach them through its port.
//!
//! What such a driver says is a claim like a device's: keys and names are bounded, places are made from the driver's own.

use airox_abi::{ObjectKind, Rights};
use airox_api::device::{CHILD_BADGE, Child, DeviceError, Place, UsbAddress};
use airox_spawn::Kernel;
use airox_supervise::Minted;
use airox_supervise::component::State;

use crate::manager::Manager;
use crate::platform::Platform;
use crate::slot::{Found, Slot};

/// The interface of drivers of buses, and the name of the handle by which a driver reaches its device there.
pub const BUS_INTERFACE: &str = "usb";
/// Most devices on one bus, interfaces and hubs.
pub const MAX_CHILDREN: usize = 64;
/// Most bytes of a device's name.
const MAX_NAME: usize = 64;
/// Why a device cannot be used whose bus has nobody who drives it.
pub(crate) const NO_BUS: &str = "the driver of its bus ended";

/// A device on a driver's bus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnBus {
    /// The number of the bus's driver.
    pub bus: u32,
    /// Where it is.
    pub address: UsbAddress,
    /// The hub that it hangs on, or the controller.
    pub parent: Place,
    /// What the bus's driver says of it.
    pub child: Child,
    /// Whether the instance of that driver which runs now has said so.
    pub present: bool,
}

impl<K: Kernel, P: Platform, W> Manager<'_, K, P, W> {
    /// The driver of a bus found a device.
    ///
    /// # Errors
    /// The badge is no such driver's, or it has too many devices, or there is one of that key or at that place.
    pub fn child_added(&mut self, badge: u64, child: Child) -> Result<(), DeviceError> {
        let found = self.on_bus(badge, child)?;
        let same = |slot: &Slot<'_>| {
            let known = slot.found.on_bus()?;
            let is = known.bus == found.bus && known.address == found.address;
            is.then(|| known.child.identity == found.child.identity && !known.present)
        };
        let known = self.slots.iter().enumerate().find_map(|(index, slot)| Some((index, same(slot)?)));
        let index = match known {
            // It was there before the bus's driver was restarted.
            Some((index, true)) => {
                self.slots[index].found = Found::OnBus(found);
                index
            }
            Some((_, false)) => return Err(DeviceError::Full),
            None => {
                let found = Found::OnBus(found);
                let driving = self.driver_for(&found).and_then(|record| self.adopt(&found, record));
                self.insert(Slot { found, driving, plugs: None })
            }
        };
        let Slot { found: Found::OnBus(found), .. } = &self.slots[index] else { return Ok(()) };
        log::info!("{}: {}", found.address, found.child.name);
        self.attach(index)
    }

    /// What a driver's claim comes to, if it makes sense.
    fn on_bus(&self, badge: u64, mut child: Child) -> Result<OnBus, DeviceError> {
        let index = self.index_of(badge).ok_or(DeviceError::NotAllowed)?;
        let slot = &self.slots[index];
        let drives =
            slot.driving.as_ref().filter(|it| it.record.component.provides.iter().any(|it| it == BUS_INTERFACE));
        let (Some(driving), Found::Function(function)) = (drives, &slot.found) else {
            return Err(DeviceError::NotAllowed);
        };
        let own = |slot: &Slot<'_>| slot.found.on_bus().is_some_and(|it| it.bus == driving.number);
        let has_key = |slot: &Slot<'_>| slot.found.on_bus().is_some_and(|it| it.present && it.child.key == child.key);
        let others = || self.slots.iter().filter(|slot| own(slot));
        let depth = child.ports.iter().take_while(|port| **port != 0).count();
        if others().count() >= MAX_CHILDREN || others().any(has_key) || depth == 0 {
            return Err(DeviceError::Full);
        }
        child.name.retain(|letter| !letter.is_control());
        while child.name.len() > MAX_NAME {
            child.name.pop();
        }
        let controller = function.address;
        let mut above = child.ports;
        above[depth - 1..].fill(0);
        let above = UsbAddress { controller, ports: above, interface: 0 };
        let hub = others().find(|slot| slot.found.place() == Place::Usb(above)).map(|slot| slot.found.place());
        let address = UsbAddress { controller, ports: child.ports, interface: child.interface };
        let parent = hub.unwrap_or(Place::Pci(controller));
        Ok(OnBus { bus: driving.number, address, parent, child, present: true })
    }

    /// Gives a device's driver its handle to the bus's driver, and starts it.
    fn attach(&mut self, index: usize) -> Result<(), DeviceError> {
        let Some(found) = self.slots[index].found.on_bus() else { return Ok(()) };
        let (bus, key) = (u64::from(found.bus), u64::from(found.child.key));
        let bus = self.index_of(bus).and_then(|bus| self.slots[bus].driving.as_ref());
        let port = bus.and_then(|it| it.component.ports.first()).ok_or(DeviceError::NotAllowed)?.clients;
        let Some(driving) = &mut self.slots[index].driving else { return Ok(()) };
        if driving.unusable.is_some_and(|why| why != NO_BUS) {
            return Ok(());
        }
        let rights = Rights::SEND | Rights::COPY;
        let handle = self.kernel.handle_copy(port, rights, CHILD_BADGE | key)?;
        driving.component.close_resources(&mut self.kernel);
        let minted = Minted { name: BUS_INTERFACE.into(), handle, kind: ObjectKind::Port, rights };
        driving.component.owned.handles.push(minted);
        driving.unusable = None;
        driving.component.state = State::New;
        driving.component.history.forgive();
        driving.component.reopen_ports(&mut self.kernel)?;
        self.start(index);
        Ok(())
    }

    /// A device on a driver's bus has gone.
    ///
    /// # Errors
    /// The badge is no such driver's, or it has no device of that key.
    pub fn child_removed(&mut self, badge: u64, key: u32) -> Result<(), DeviceError> {
        let is = |slot: &Slot<'_>| {
            slot.found.on_bus().is_some_and(|it| u64::from(it.bus) == badge && it.child.key == key && it.present)
        };
        let index = self.slots.iter().position(is).ok_or(DeviceError::NoSuchDevice)?;
        self.remove(index);
        Ok(())
    }

    /// The driver of a bus ended: so do those of the devices there, until the next instance finds the devices again.
    pub(crate) fn detach_children(&mut self, bus: u32) {
        for index in 0..self.slots.len() {
            if let Some(found) = self.slots[index].found.on_bus_mut().filter(|it| it.bus == bus) {
                found.present = false;
                self.bury(index);
                let Some(driving) = &mut self.slots[index].driving else { continue };
                driving.component.close_resources(&mut self.kernel);
                driving.unusable.get_or_insert(NO_BUS);
                driving.component.state = State::New;
            }
        }
    }

    /// Forgets the devices on a bus, all of them or those that its driver has not found again.
    pub(crate) fn remove_children(&mut self, bus: u32, all: bool) {
        let goes = |slot: &Slot<'_>| slot.found.on_bus().is_some_and(|it| it.bus == bus && (all || !it.present));
        while let Some(index) = self.slots.iter().position(goes) {
            self.remove(index);
        }
    }
}
