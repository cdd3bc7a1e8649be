//! Ports, of the controller and of hubs: what comes and goes there.

use airox_driver_traits::dma::DmaMemory;
use airox_driver_traits::usb::EndpointKind;
use airox_usb::descriptor::Configuration;
use airox_usb::hub::{PortStatus, Speed, feature};
use airox_usb::request::{port_feature, port_status};
use alloc::boxed::Box;
use core::convert::Infallible;

use crate::bus::{Bus, Failure, Host, REPORT};
use crate::context;
use crate::controller::Slot;

/// Milliseconds until a contact has stopped bouncing (USB 2.0, section 7.1.7.3).
const BOUNCING: u64 = 100;
/// Until a port that was switched on has power (xHCI 1.2, section 5.4.8).
const POWER: u64 = 20;
/// A reset takes ten to twenty, or fifty at a controller's port, and the device then has ten to recover (sections 7.1.7.3, 7.1.7.5 and 11.5.1.5).
const LOOK: u64 = 10;
const RECOVERY: u64 = 10;
const LOOKS: u32 = 50;
/// How often a device that does not answer is tried.
const TRIES: u32 = 3;

/// A port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The slot of the hub, 0 for the controller itself.
    pub hub: u8,
    /// Its port, from 1 on.
    pub port: u8,
}

impl<H: Host> Bus<H> {
    /// Finds what is at the controller's ports, for ever.
    pub fn run(&self) {
        let bus = self.clone();
        self.0.host.spawn(Box::pin(async move {
            let ports = bus.0.core.borrow().registers.parameters().ports;
            let had_power = bus.0.core.borrow_mut().registers.power_ports();
            if !had_power {
                bus.0.host.sleep(POWER).await;
            }
            // What is there already has had its time.
            let mut bouncing = if had_power { 0 } else { BOUNCING };
            let mut first = true;
            loop {
                bus.port_event().await;
                for port in 1..=ports {
                    // The controller's own registers are always there.
                    let _ = bus.look_at(Place { hub: 0, port }, bouncing).await;
                }
                bouncing = BOUNCING;
                if core::mem::take(&mut first) {
                    bus.looked();
                }
            }
        }));
    }

    /// All ports of a hub, or of the controller, have been looked at for the first time.
    fn looked(&self) {
        let left = self.0.unseen.get().saturating_sub(1);
        self.0.unseen.set(left);
        if left == 0 && !self.0.settled.replace(true) {
            let devices = self.0.core.borrow().slots.iter().flatten().count();
            self.0.host.settled(devices);
        }
    }

    /// Finds what is at the ports of a hub, until it has gone.
    pub(crate) fn begin_hub(&self, slot: u8, configuration: &Configuration) {
        let endpoints = configuration.interfaces.iter().flat_map(|it| &it.endpoints);
        let mut reports = endpoints.filter(|it| it.kind == EndpointKind::Interrupt && it.is_in());
        let Some(endpoint) = reports.next().copied() else { return };
        self.0.unseen.set(self.0.unseen.get() + 1);
        let bus = self.clone();
        self.0.host.spawn(Box::pin(async move {
            let first = bus.first_look(slot).await;
            bus.looked();
            let ended = match first {
                Ok(ports) => bus.run_hub(slot, context::number(endpoint.address), ports).await,
                Err(failure) => Err(failure),
            };
            let core = bus.0.core.borrow();
            let entry = core.slots.get(usize::from(slot)).and_then(Option::as_ref);
            if let (Err(failure), Some(Slot { leaves: false, .. })) = (ended, entry) {
                log::error!("a hub is not used any more: {failure}");
            }
        }));
    }

    /// Switches a hub's ports on and looks at them; returns how many there are.
    async fn first_look(&self, slot: u8) -> Result<u8, Failure> {
        let hub = {
            let core = self.0.core.borrow();
            core.slots.get(usize::from(slot)).and_then(Option::as_ref).and_then(|it| it.hub).ok_or(Failure::NoRoom)?
        };
        for port in 1..=hub.ports {
            self.request(slot, port_feature(true, feature::POWER, port)).await?;
        }
        self.0.host.sleep(hub.power_on).await;
        for port in 1..=hub.ports {
            self.look_at(Place { hub: slot, port }, BOUNCING).await?;
        }
        Ok(hub.ports)
    }

    async fn run_hub(&self, slot: u8, number: u8, ports: u8) -> Result<Infallible, Failure> {
        loop {
            // A bit for each port, the hub itself first (section 11.12.4).
            let bytes = ports / 8 + 1;
            let ticket = {
                let mut core = self.0.core.borrow_mut();
                let device = core.slots.get_mut(usize::from(slot)).and_then(Option::as_mut).ok_or(Failure::NoRoom)?;
                let address = device.memory.device_address() + REPORT as u64;
                core.submit(slot, number, (address, bytes.into()), None).map_err(|_| Failure::NoRoom)?
            };
            let moved = self.transferred(ticket, true).await?;
            let report = self.read(slot, REPORT, moved as usize);
            for port in 1..=ports {
                if report.get(usize::from(port / 8)).is_some_and(|bits| bits & 1 << (port % 8) != 0) {
                    self.look_at(Place { hub: slot, port }, BOUNCING).await?;
                }
            }
        }
    }

    /// Sees to it that what is known of a port is what is there, waiting so many milliseconds before something new is used. Fails only if the hub does.
    async fn look_at(&self, place: Place, bouncing: u64) -> Result<(), Failure> {
        let status = self.status(place).await?;
        self.clear_changes(place).await?;
        let known = self.device_at(place);
        if let Some(slot) = known.filter(|_| status.connection_changed || !status.connected) {
            self.remove_device(slot).await;
        } else if known.is_some() {
            return Ok(());
        }
        if status.connection_changed || !status.connected {
            self.0.given_up.borrow_mut().retain(|other| *other != place);
        }
        if !status.connected || self.0.given_up.borrow().contains(&place) {
            return Ok(());
        }
        self.0.host.sleep(bouncing).await;
        for _ in 0..TRIES {
            let Some(speed) = self.reset(place).await? else { return Ok(()) };
            match self.add_device(place, speed).await {
                Ok(()) => return Ok(()),
                Err(failure) => log::warn!("port {}: {failure}", place.port),
            }
        }
        log::error!("what is at port {} cannot be used", place.port);
        self.0.given_up.borrow_mut().push(place);
        Ok(())
    }

    fn device_at(&self, place: Place) -> Option<u8> {
        let at =
            |entry: &Option<Slot<H::Memory>>| entry.as_ref().is_some_and(|it| it.parent == (place.hub, place.port));
        self.0.core.borrow().slots.iter().position(at).map(|slot| slot as u8)
    }

    async fn status(&self, place: Place) -> Result<PortStatus, Failure> {
        match place.hub {
            0 => Ok(self.0.core.borrow_mut().registers.port(place.port)),
            hub => Ok(PortStatus::parse(&self.request(hub, port_status(place.port)).await?)?),
        }
    }

    async fn clear_changes(&self, place: Place) -> Result<(), Failure> {
        if place.hub == 0 {
            self.0.core.borrow_mut().registers.clear_changes(place.port);
            return Ok(());
        }
        for change in 0..feature::CHANGES {
            self.request(place.hub, port_feature(false, feature::CONNECTION_CHANGE + change, place.port)).await?;
        }
        Ok(())
    }

    /// Resets what is at a port; returns how fast it is, or nothing if it has gone or does not come up.
    async fn reset(&self, place: Place) -> Result<Option<Speed>, Failure> {
        // What is fastest comes up by itself at a controller's port.
        let before = self.status(place).await?;
        if place.hub != 0 {
            self.request(place.hub, port_feature(true, feature::RESET, place.port)).await?;
        } else if !before.enabled {
            self.0.core.borrow_mut().registers.reset_port(place.port);
        }
        for _ in 0..LOOKS {
            self.0.host.sleep(LOOK).await;
            let status = self.status(place).await?;
            if !status.connected {
                return Ok(None);
            }
            if status.enabled && !status.resetting {
                self.clear_changes(place).await?;
                self.0.host.sleep(RECOVERY).await;
                return Ok(Some(status.speed));
            }
        }
        log::error!("port {} does not come up", place.port);
        Ok(None)
    }
}
