//! Ports that devices are plugged into while the machine runs (PCI Express Base Specification 5.0, sections 6.7 and 7.5.3.9 to 7.5.3.11).
//!
//! Such a port tells by an interrupt that something came or is to go. What came gets power; what is to go loses it once its driver has ended. Ports that
//! firmware keeps to itself, to be asked through AML, do not say that devices come and go there; what is plugged in there is found by looking.

use airox_abi::Error;
use airox_driver_traits::pci::{ConfigurationSpace, capability, find_capability};
use airox_driver_traits::registers::Registers;
use airox_spawn::Kernel;
use alloc::vec::Vec;

use crate::bars::{self, Bar};
use crate::function::{self, Abilities, Function};
use crate::manager::{Manager, PLUG_BIT};
use crate::messages::Messages;
use crate::platform::Platform;
use crate::slot::{Interrupts, Slot};

/// In the PCI Express capability: its flags, and capabilities, control and status of the slot.
const FLAGS: usize = 0x02;
const SLOT_CAPABILITIES: usize = 0x14;
const SLOT_CONTROL: usize = 0x18;
const SLOT_STATUS: usize = 0x1a;
/// There is a slot; it has power control; devices come and go.
const HAS_SLOT: u16 = 1 << 8;
const POWER_CONTROLLER: u32 = 1 << 1;
const HOT_PLUG: u32 = 1 << 6;
/// Events: the attention button was pressed, the presence of a device changed. All events are in the lower five bits, and bit 8.
const BUTTON: u16 = 1 << 0;
const PRESENCE_CHANGED: u16 = 1 << 3;
const EVENTS: u16 = 0x11f;
const PRESENT: u16 = 1 << 6;
/// Of the control: interrupts by button and presence; power indicator (on, off) and power (1 is off).
const BUTTON_ENABLE: u16 = 1 << 0;
const PRESENCE_ENABLE: u16 = 1 << 3;
const INTERRUPT_ENABLE: u16 = 1 << 5;
const INDICATOR: u16 = 3 << 8;
const INDICATOR_ON: u16 = 1 << 8;
const INDICATOR_OFF: u16 = 3 << 8;
const POWER_OFF: u16 = 1 << 10;
/// Most rounds of events that are cleared at a time: a port that always has more would never come to an end.
const ROUNDS: u32 = 8;
/// Base address registers of a bridge.
const BRIDGE_REGISTERS: u8 = 2;

/// What a port wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Nothing.
    Nothing,
    /// Something may have come or gone: look.
    Look,
    /// Whoever uses the device is to end; then it may be taken out.
    Release,
}

/// A port that devices are plugged into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Port {
    capability: usize,
    has_power: bool,
}

impl Port {
    /// The port that a bridge is, if devices come and go there.
    pub fn find(bridge: &mut impl Registers) -> Option<Port> {
        let capability = find_capability(bridge, capability::EXPRESS)?;
        let slot = bridge.read_u32(capability + SLOT_CAPABILITIES);
        let plugs = bridge.read_u16(capability + FLAGS) & HAS_SLOT != 0 && slot & HOT_PLUG != 0;
        plugs.then_some(Port { capability, has_power: slot & POWER_CONTROLLER != 0 })
    }

    /// Has it tell what happens.
    pub fn listen(self, bridge: &mut impl Registers) {
        let control = bridge.read_u16(self.capability + SLOT_CONTROL);
        let enable = BUTTON_ENABLE | PRESENCE_ENABLE | INTERRUPT_ENABLE;
        bridge.write_u16(self.capability + SLOT_CONTROL, control | enable);
    }

    /// What it wants now. Something that came is given power.
    pub fn look(self, bridge: &mut impl Registers) -> Wish {
        let (mut events, mut present) = (0, false);
        // Another interrupt comes only after all events were clear. One is cleared by writing it.
        for _ in 0..ROUNDS {
            let status = bridge.read_u16(self.capability + SLOT_STATUS);
            present = status & PRESENT != 0;
            if status & EVENTS == 0 {
                break;
            }
            events |= status & EVENTS;
            bridge.write_u16(self.capability + SLOT_STATUS, status & EVENTS);
        }
        if events == 0 {
            return Wish::Nothing;
        }
        let control = bridge.read_u16(self.capability + SLOT_CONTROL);
        let powered = !self.has_power || control & POWER_OFF == 0;
        if present && !powered && events & (BUTTON | PRESENCE_CHANGED) != 0 {
            let on = control & !(POWER_OFF | INDICATOR) | INDICATOR_ON;
            bridge.write_u16(self.capability + SLOT_CONTROL, on);
            return Wish::Look;
        }
        if present && events & BUTTON != 0 && events & PRESENCE_CHANGED == 0 {
            return Wish::Release;
        }
        Wish::Look
    }

    /// Nobody uses the device any more: it may be taken out.
    pub fn release(self, bridge: &mut impl Registers) {
        let control = bridge.read_u16(self.capability + SLOT_CONTROL);
        let off = control & !INDICATOR | INDICATOR_OFF | if self.has_power { POWER_OFF } else { 0 };
        bridge.write_u16(self.capability + SLOT_CONTROL, off);
    }
}

/// What the manager keeps for such a port.
#[derive(Debug)]
pub struct Plugs {
    /// The port.
    pub port: Port,
    /// Its own memory, which holds the table of its messages.
    pub bars: Vec<Bar>,
    /// How it interrupts.
    pub interrupts: Interrupts,
}

impl<K: Kernel, P: Platform, W> Manager<'_, K, P, W> {
    /// Has a bridge tell when devices come and go behind it, if it can.
    pub(crate) fn listen(&mut self, function: &Function) -> Option<Plugs> {
        function.bridge?;
        let mut space = self.platform.configuration().function(function.address);
        let port = Port::find(&mut space)?;
        let messages = Messages::read(&mut space)?;
        let bars = bars::read(&mut space, BRIDGE_REGISTERS);
        let interrupts = Interrupts::Messages(messages, self.free_messages(1));
        let mut plugs = Plugs { port, bars, interrupts };
        if let Err(error) = self.try_listen(function, &mut plugs) {
            log::warn!("{}: what is plugged in there is found by looking only: {error}", function.address);
            return None;
        }
        Some(plugs)
    }

    fn try_listen(&mut self, function: &Function, plugs: &mut Plugs) -> Result<(), Error> {
        self.place(function, &mut plugs.bars).map_err(|_| Error::NoSuchResource)?;
        let interrupt = self.authority.interrupts(&plugs.interrupts).next().ok_or(Error::NoSuchResource)?;
        self.platform.bind_interrupt(interrupt, self.authority.signal, PLUG_BIT)?;
        let mut space = self.platform.configuration().function(function.address);
        let forwards = Abilities { ports: true, memory: true, bus_master: true, line: false };
        function::enable(&mut space, forwards);
        self.send_messages(function.address, &plugs.interrupts, &plugs.bars)?;
        plugs.port.listen(&mut self.platform.configuration().function(function.address));
        Ok(())
    }

    /// Asks all ports what came and what is to go.
    pub(crate) fn look_at_ports(&mut self) {
        let port = |slot: &Slot<'_>| Some((*slot.found.function()?, slot.plugs.as_ref()?.port));
        let ports: Vec<(Function, Port)> = self.slots.iter().filter_map(port).collect();
        let mut changed = false;
        for (bridge, port) in ports {
            let wish = port.look(&mut self.platform.configuration().function(bridge.address));
            changed |= wish != Wish::Nothing;
            if wish == Wish::Release {
                self.remove_behind(&bridge);
                port.release(&mut self.platform.configuration().function(bridge.address));
            }
        }
        if changed {
            self.rescan();
        }
    }

    /// Ends the drivers of all devices behind a bridge, and forgets the devices.
    fn remove_behind(&mut self, bridge: &Function) {
        let Some((first, last)) = bridge.bridge else { return };
        let behind = |slot: &Slot<'_>| {
            slot.found.function().is_some_and(|function| {
                function.address != bridge.address && (first..=last).contains(&function.address.bus)
            })
        };
        // The last first: with a bus go the devices there, which come after it.
        while let Some(index) = self.slots.iter().rposition(behind) {
            self.remove(index);
        }
    }
}
