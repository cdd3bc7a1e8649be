//! A device from the moment it is reset to the moment it has gone (section 4.3).

use airox_api::device::{Child, Identity};
use airox_driver_traits::dma::DmaMemory;
use airox_driver_traits::usb::{Description, Endpoint, EndpointKind, UsbAddress};
use airox_usb::class;
use airox_usb::descriptor::{Configuration, DeviceDescriptor, MAX_TEXT, text};
use airox_usb::hub::{HubDescriptor, Speed};
use airox_usb::request::{Kind, descriptor, set_configuration};
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::future::Future;
use core::pin::Pin;

use crate::bus::{Bus, Failure, Host};
use crate::clients::Client;
use crate::context::{self, Route};
use crate::controller::{DEVICE_PAGES, Slot};
use crate::hub::Place;
use crate::pipe::Pipe;
use crate::ring::{PAGE, Ring};
use crate::trb::{Trb, kind};

/// Endpoint 0 with packets of this size.
const fn control(packet: u16) -> Endpoint {
    Endpoint { address: 0, kind: EndpointKind::Control, packet, interval: 0, burst: 0 }
}

impl<H: Host> Bus<H> {
    /// Gives a device that was reset a slot and an address, finds out what it is, and tells of its interfaces.
    pub(crate) async fn add_device(&self, place: Place, speed: Speed) -> Result<(), Failure> {
        let enabled = self.command(Trb::command(kind::ENABLE_SLOT, 0, 0, 0)).await?;
        let slot = enabled.slot();
        let known = self.0.core.borrow().slots.get(usize::from(slot)).map(Option::is_some);
        if slot == 0 || known != Some(false) {
            return Err(Failure::NoRoom);
        }
        let added = self.set_up(slot, place, speed).await;
        if added.is_err() {
            self.remove_device(slot).await;
        }
        added
    }

    async fn set_up(&self, slot: u8, place: Place, speed: Speed) -> Result<(), Failure> {
        let memory = self.0.host.allocate(DEVICE_PAGES * PAGE).ok_or(Failure::NoRoom)?;
        let packet = match speed {
            Speed::Low | Speed::Full => 8,
            Speed::High => 64,
            Speed::Super => 512,
        };
        let ring = {
            let mut core = self.0.core.borrow_mut();
            core.set_context(slot, memory.device_address());
            let (route, ports) = self.route(&core.slots, place, speed);
            let mut device = Slot::new(memory, packet, route, ports, (place.hub, place.port));
            let ring = device.pipe(1).map_or(0, |(pipe, memory)| pipe.ring.pointer(memory, 0));
            if let Some(entry) = core.slots.get_mut(usize::from(slot)) {
                *entry = Some(device);
            }
            ring
        };
        self.configure(slot, kind::ADDRESS_DEVICE, &[(control(packet), ring)], false).await?;
        // Section 9.2.6.3 of USB 2.0: it may take so long to get used to its address.
        self.0.host.sleep(2).await;
        let start = self.request(slot, descriptor(Kind::Device, 0, DeviceDescriptor::START)).await?;
        let told = DeviceDescriptor::packet(&start)?;
        if told != packet {
            self.configure(slot, kind::EVALUATE_CONTEXT, &[(control(told), ring)], false).await?;
            if let Some((pipe, _)) = self.0.core.borrow_mut().pipe(slot, 1) {
                pipe.packet = told;
            }
        }
        let whole = self.request(slot, descriptor(Kind::Device, 0, DeviceDescriptor::LENGTH)).await?;
        let device = DeviceDescriptor::parse(&whole)?;
        let start = self.request(slot, descriptor(Kind::Configuration, 0, Configuration::START)).await?;
        let length = Configuration::length(&start)?;
        let whole = self.request(slot, descriptor(Kind::Configuration, 0, length)).await?;
        let configuration = Configuration::parse(&whole)?;
        let name = self.name(slot, &device).await;
        // A hub is not configured as one unless it says what it is like.
        let is_hub = class::of(device.class) == class::HUB && speed != Speed::Super;
        if is_hub {
            self.request(slot, set_configuration(configuration.value)).await?;
            let told = self.request(slot, descriptor(Kind::Hub, 0, HubDescriptor::LENGTH)).await?;
            let hub = HubDescriptor::parse(&told)?;
            let mut core = self.0.core.borrow_mut();
            if let Some(device) = core.slots.get_mut(usize::from(slot)).and_then(Option::as_mut) {
                device.hub = Some(hub);
            }
        }
        self.set_up_endpoints(slot, &configuration).await?;
        if !is_hub {
            self.request(slot, set_configuration(configuration.value)).await?;
        }
        self.tell(slot, &device, &configuration, name, is_hub);
        if is_hub {
            self.begin_hub(slot, &configuration);
        }
        Ok(())
    }

    /// How the controller reaches a place, and the ports on the way.
    fn route(&self, slots: &[Option<Slot<H::Memory>>], place: Place, speed: Speed) -> (Route, [u8; 6]) {
        let hub = slots.get(usize::from(place.hub)).and_then(Option::as_ref);
        let Some(hub) = hub else {
            let ports = [place.port, 0, 0, 0, 0, 0];
            return (Route { root: place.port, route: 0, speed, translator: None }, ports);
        };
        let mut ports = hub.ports;
        let depth = ports.iter().take_while(|port| **port != 0).count();
        if let Some(last) = ports.get_mut(depth) {
            *last = place.port;
        }
        let route = hub.route.route | u32::from(place.port.min(15)) << (4 * (depth.max(1) - 1));
        let is_slow = matches!(speed, Speed::Low | Speed::Full);
        let translator = match hub.route.speed {
            Speed::High if is_slow => Some((place.hub, place.port)),
            _ if is_slow => hub.route.translator,
            _ => None,
        };
        (Route { root: hub.route.root, route, speed, translator }, ports)
    }

    /// What the device calls itself; a device whose text cannot be read has none.
    async fn name(&self, slot: u8, device: &DeviceDescriptor) -> String {
        if device.name == 0 {
            return String::new();
        }
        let told = self.request(slot, descriptor(Kind::Text, device.name, MAX_TEXT)).await;
        told.ok().and_then(|bytes| text(&bytes).ok()).unwrap_or_default()
    }

    /// Makes a ring for each endpoint and tells the controller of them.
    async fn set_up_endpoints(&self, slot: u8, configuration: &Configuration) -> Result<(), Failure> {
        let mut endpoints: Vec<Endpoint> =
            configuration.interfaces.iter().flat_map(|it| it.endpoints.iter().copied()).collect();
        // These need times promised by the controller; nothing here drives devices that have them.
        endpoints.retain(|it| matches!(it.kind, EndpointKind::Bulk | EndpointKind::Interrupt));
        let memory = match endpoints.len() {
            0 => None,
            count => Some(self.0.host.allocate(count * PAGE).ok_or(Failure::NoRoom)?),
        };
        let mut told = Vec::new();
        {
            let mut core = self.0.core.borrow_mut();
            let device = core.slots.get_mut(usize::from(slot)).and_then(Option::as_mut).ok_or(Failure::NoRoom)?;
            device.rings = memory;
            for (index, endpoint) in endpoints.iter().enumerate() {
                let Some(memory) = &mut device.rings else { break };
                let ring = Ring::new(memory, index * PAGE);
                told.push((*endpoint, ring.pointer(memory, 0)));
                let pipe = Pipe::new(ring, endpoint.packet, endpoint.is_in());
                device.pipes[usize::from(context::number(endpoint.address))] = Some(pipe);
            }
        }
        self.configure(slot, kind::CONFIGURE_ENDPOINT, &told, false).await
    }

    /// Tells of a device's interfaces, or of a hub.
    fn tell(&self, slot: u8, device: &DeviceDescriptor, configuration: &Configuration, name: String, is_hub: bool) {
        let mut core = self.0.core.borrow_mut();
        let Some(entry) = core.slots.get_mut(usize::from(slot)).and_then(Option::as_mut) else { return };
        let name = if name.is_empty() { format!("a device of {} speed", entry.route.speed.name()) } else { name };
        let mut children = Vec::new();
        for interface in &configuration.interfaces {
            let key = self.0.clients.borrow_mut().next_key();
            entry.keys.push(key);
            let class = if is_hub { device.class } else { interface.class };
            let identity = Identity { vendor: device.vendor, device: device.product, class };
            let number = interface.number;
            let (ports, name) = (entry.ports, name.clone());
            children.push(Child { key, ports, interface: number, identity, bridge: is_hub, name: name.clone() });
            if is_hub {
                // One is enough: its endpoint is the bus's own.
                break;
            }
            let address = UsbAddress { controller: self.0.host.address(), ports, interface: number };
            let device = (device.vendor, device.product, device.release);
            let endpoints = interface.endpoints.clone();
            let description = Description { address, device, class, endpoints, name };
            let alone = configuration.interfaces.len() == 1;
            self.0.clients.borrow_mut().add(key, Client::new(slot, description, alone));
        }
        drop(core);
        for child in &children {
            self.0.host.found(child);
        }
    }

    /// Forgets a device, and all that hang on it if it is a hub. Their memory is free when the controller has let go of them.
    pub(crate) fn remove_device(&self, slot: u8) -> Pin<Box<dyn Future<Output = ()> + '_>> {
        Box::pin(async move {
            // Nobody hears of them any more, and nothing is under way from here on.
            let (children, keys) = {
                let mut core = self.0.core.borrow_mut();
                let entry = core.slots.get_mut(usize::from(slot)).and_then(Option::as_mut);
                if entry.is_some_and(|entry| core::mem::replace(&mut entry.leaves, true)) {
                    return;
                }
                core.give_up(slot);
                let hangs = |entry: &Option<Slot<H::Memory>>| entry.as_ref().is_some_and(|it| it.parent.0 == slot);
                let children: Vec<usize> =
                    core.slots.iter().enumerate().filter(|(_, entry)| hangs(entry)).map(|(index, _)| index).collect();
                let entry = core.slots.get_mut(usize::from(slot)).and_then(Option::as_mut);
                (children, entry.map(|entry| core::mem::take(&mut entry.keys)).unwrap_or_default())
            };
            self.deliver();
            for child in children {
                self.remove_device(child as u8).await;
            }
            self.0.given_up.borrow_mut().retain(|place| place.hub != slot);
            for key in &keys {
                self.0.host.lost(*key);
            }
            let disabled = self.command(Trb::command(kind::DISABLE_SLOT, slot, 0, 0)).await;
            let lent = self.0.clients.borrow_mut().remove(&self.0.host, &keys);
            if disabled.is_err() {
                // It may use that memory still: nobody else gets it before the controller has been reset.
                log::warn!("the controller does not let go of slot {slot}");
                return;
            }
            for address in lent {
                self.0.host.give_back(address);
            }
            let entry = {
                let mut core = self.0.core.borrow_mut();
                core.set_context(slot, 0);
                core.slots.get_mut(usize::from(slot)).and_then(Option::take)
            };
            if let Some(entry) = entry {
                self.0.host.free(entry.memory);
                if let Some(rings) = entry.rings {
                    self.0.host.free(rings);
                }
            }
        })
    }
}
