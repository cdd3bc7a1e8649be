//! What a driver gets of its device, and what lets the device work: memory, ports, interrupts.

use airox_abi::layout::{LINE_VECTOR, MESSAGE_LINES, PAGE_SIZE};
use airox_abi::{Error, Handle, ObjectKind, Rights};
use airox_api::device::{BusAddress, PortWindow};
use airox_api::wire::interface_id;
use airox_driver_traits::pci::{ConfigurationSpace, register};
use airox_driver_traits::registers::Registers;
use airox_spawn::Kernel;
use airox_supervise::component::ServedPort;
use airox_supervise::{Minted, close};
use alloc::format;
use alloc::vec::Vec;
use core::ops::Range;

use crate::arguments::Pci;
use crate::bars::Bar;
use crate::function::{Abilities, Function};
use crate::manager::{Authority, Manager};
use crate::messages::Messages;
use crate::platform::Platform;
use crate::slot::{Driving, Interrupts};
use crate::{bars, confinement, function, memory, scan, wiring};

/// Registers of a function that is no bridge.
const REGISTERS: u8 = 6;
const BRIDGE_REGISTERS: u8 = 2;

impl<'a, K: Kernel, P: Platform, W> Manager<'a, K, P, W> {
    /// Finds the device's memory, ports and interrupts, and mints what the driver gets of them.
    pub(crate) fn claim(&mut self, function: &Function, driving: &mut Driving<'a>) -> Result<(), &'static str> {
        let mut space = self.platform.configuration().function(function.address);
        driving.bars = bars::read(&mut space, REGISTERS);
        let messages = Messages::read(&mut space);
        self.drop_unreachable_ports(&mut driving.bars);
        self.place(function, &mut driving.bars)?;
        driving.windows =
            memory::windows(&driving.bars, messages.as_ref(), |page| self.has_page_alone(function.address, page));
        driving.interrupts = match (driving.record.interrupts, messages) {
            (0, _) => Interrupts::None,
            (wanted, Some(messages)) => {
                let lines = self.free_messages(wanted.min(messages.count()));
                if lines.is_empty() {
                    return Err("all interrupts are in use");
                }
                Interrupts::Messages(messages, lines)
            }
            (_, None) => Interrupts::Line(self.line_of(function)?),
        };
        self.mint(driving).map_err(|error| error.text())
    }

    /// Messages that no device uses, at most so many.
    pub(crate) fn free_messages(&self, wanted: u32) -> Vec<u32> {
        let used = |line: &u32| self.interrupts_in_use().any(|other| other.messages().contains(line));
        // The last may be the manager's own.
        let given = MESSAGE_LINES.take(self.authority.messages.len());
        given.filter(|line| !used(line)).take(wanted as usize).collect()
    }

    /// The line of a function that sends no messages. A line has one driver: who shares it would see it masked while the other is busy.
    fn line_of(&mut self, function: &Function) -> Result<u32, &'static str> {
        let slots = &self.slots;
        let parent_of = |at: BusAddress| {
            let mut functions = slots.iter().filter_map(|slot| slot.found.function());
            functions.find(|bridge| bridge.address == at).and_then(|bridge| bridge.parent)
        };
        let line = wiring::line(self.platform.configuration(), function, parent_of);
        let line = line.ok_or("it sends no messages to interrupt by, and how its line is wired is not known")?;
        if self.interrupts_in_use().any(|other| *other == Interrupts::Line(line)) {
            return Err("the driver of another device has its interrupt line");
        }
        if !self.authority.lines.iter().any(|(known, _)| *known == line) {
            return Err("its interrupt line is in use or does not exist");
        }
        Ok(line)
    }

    fn interrupts_in_use(&self) -> impl Iterator<Item = &Interrupts> {
        let drivers = self.slots.iter().filter_map(|slot| slot.driving.as_ref()).map(|driving| &driving.interrupts);
        drivers.chain(self.slots.iter().filter_map(|slot| slot.plugs.as_ref()).map(|plugs| &plugs.interrupts))
    }

    /// All places that drivers' devices have, ports or memory.
    fn places(&self, ports: bool) -> impl Iterator<Item = Range<u64>> {
        let drivers = self.slots.iter().filter_map(|slot| slot.driving.as_ref()).flat_map(|driving| &driving.bars);
        let plugs = self.slots.iter().filter_map(|slot| slot.plugs.as_ref()).flat_map(|plugs| &plugs.bars);
        drivers.chain(plugs).filter(move |bar| bar.ports == ports).filter_map(Bar::range)
    }

    /// A device can do without ports that have no place, or somebody else's: most of those are for software from before memory was used.
    fn drop_unreachable_ports(&self, own: &mut Vec<Bar>) {
        own.retain(|bar| {
            let reachable = |range: Range<u64>| {
                let given = self.authority.ports.iter().any(|(given, _)| contains(given, &range));
                given && self.places(true).all(|taken| !overlaps(&taken, &range))
            };
            !bar.ports || bar.range().is_some_and(reachable)
        });
    }

    /// Sees to it that all of a device's memory is where it can be reached and touches nobody else's.
    pub(crate) fn place(&mut self, function: &Function, own: &mut [Bar]) -> Result<(), &'static str> {
        let mut used = alloc::vec![configuration_range(&self.pci)];
        used.extend(self.places(false));
        for bar in own.iter_mut().filter(|bar| !bar.ports) {
            let fits = |range: &Range<u64>| {
                self.authority.hole_over(range).is_some() && used.iter().all(|taken| !overlaps(taken, range))
            };
            let range = match bar.range().filter(fits) {
                Some(range) => range,
                None => {
                    let window = self.bridge_window(function).ok_or("its memory has no address that can be reached")?;
                    let place = memory::free_place(window, &used, bar.length);
                    let place = place.ok_or("there is no room for its memory")?;
                    let range = place..place + bar.length;
                    self.authority.hole_over(&range).ok_or("its bridge forwards what is not for devices")?;
                    bar.place(&mut self.platform.configuration().function(function.address), place);
                    range
                }
            };
            used.push(range);
        }
        Ok(())
    }

    /// Whether no other function's memory begins in a page: none that begins below reaches in there, or it would be over this one's.
    fn has_page_alone(&mut self, own: BusAddress, page: u64) -> bool {
        let functions: Vec<Function> = scan::scan(self.platform.configuration(), &self.pci.buses);
        let others = functions.iter().filter(|other| other.address != own);
        let mut starts = others.flat_map(|other| {
            let count = if other.bridge.is_some() { BRIDGE_REGISTERS } else { REGISTERS };
            (0..count).map(|index| (other.address, index))
        });
        starts.all(|(address, index)| {
            let mut space = self.platform.configuration().function(address);
            bars::start(&mut space, index).is_none_or(|start| start - start % PAGE_SIZE != page)
        })
    }

    /// The addresses that the bridge above a function forwards.
    fn bridge_window(&mut self, function: &Function) -> Option<Range<u64>> {
        const UNIT: u64 = 1 << 16;
        const MASK: u64 = 0xfff0;
        const GRAIN: u64 = 1 << 20;
        let mut bridge = self.platform.configuration().function(function.parent?);
        let base = u64::from(bridge.read_u16(register::MEMORY_WINDOW)) & MASK;
        let limit = u64::from(bridge.read_u16(register::MEMORY_WINDOW + 2)) & MASK;
        (base != 0 && base <= limit).then(|| base * UNIT..limit * UNIT + GRAIN)
    }

    /// Makes the driver's port and the handles to its device's memory, ports and interrupts.
    pub(crate) fn mint(&mut self, driving: &mut Driving<'a>) -> Result<(), Error> {
        let rights = Rights::SEND | Rights::COPY;
        let badge = u64::from(driving.number);
        let component = &mut driving.component;
        component.supervisor = self.kernel.handle_copy(self.authority.port, rights, badge)?;
        for interface in &driving.record.component.provides {
            component.ports.push(ServedPort::create(&mut self.kernel, interface_id(interface).into())?);
        }
        let handles = &mut component.owned.handles;
        for window in &driving.windows {
            let bar = driving.bars.iter().find(|bar| bar.index == window.bar);
            let address = bar.map_or(0, |bar| bar.address) + window.offset;
            let hole = self.authority.hole_over(&(address..address + window.length)).ok_or(Error::NoSuchResource)?;
            let handle = self.kernel.region_device(hole, address, window.length / PAGE_SIZE)?;
            let (name, rights) = (window.handle_name(), Rights::READ | Rights::WRITE);
            handles.push(Minted { name, handle, kind: ObjectKind::Region, rights });
        }
        for bar in driving.bars.iter().filter(|bar| bar.ports) {
            let range = bar.range().ok_or(Error::NoSuchResource)?;
            let source = self.authority.ports.iter().find(|(given, _)| contains(given, &range));
            let (_, source) = source.ok_or(Error::NoSuchResource)?;
            let window = PortWindow { bar: bar.index, first: bar.address as u16, count: bar.length as u16 };
            let handle = self.kernel.io_ports_create(*source, window.first, window.count)?;
            let (name, rights) = (window.handle_name(), Rights::CONTROL);
            handles.push(Minted { name, handle, kind: ObjectKind::IoPorts, rights });
            driving.ports.push(window);
        }
        for (index, source) in self.authority.interrupts(&driving.interrupts).enumerate() {
            let rights = Rights::CONTROL | Rights::COPY;
            let handle = self.kernel.handle_copy(source, rights, 0)?;
            let name = format!("irq:{index}");
            handles.push(Minted { name, handle, kind: ObjectKind::Irq, rights: Rights::CONTROL });
        }
        Ok(())
    }

    /// Lets the device answer to its memory and ports and interrupt, and use memory if its driver may.
    pub(crate) fn connect(&mut self, index: usize) -> Result<(), Error> {
        let slot = &self.slots[index];
        let (Some(driving), Some(function)) = (&slot.driving, slot.found.function()) else { return Ok(()) };
        if driving.record.dma
            && let Some(unit) = self.platform.confinement()
        {
            confinement::confine(unit, function.address, &driving.path)?;
        }
        let mut space = self.platform.configuration().function(function.address);
        let messages = driving.interrupts.messages();
        let abilities = Abilities {
            ports: !driving.ports.is_empty(),
            memory: true,
            // A message is a write to memory.
            bus_master: driving.record.dma || !messages.is_empty(),
            line: matches!(driving.interrupts, Interrupts::Line(_)),
        };
        function::enable(&mut space, abilities);
        let (address, interrupts, bars) = (function.address, driving.interrupts.clone(), driving.bars.clone());
        self.send_messages(address, &interrupts, &bars)
    }

    /// Lets a function send its messages.
    pub(crate) fn send_messages(
        &mut self,
        function: BusAddress,
        interrupts: &Interrupts,
        bars: &[Bar],
    ) -> Result<(), Error> {
        let Interrupts::Messages(messages, lines) = interrupts else { return Ok(()) };
        let data: Vec<u32> = lines.iter().map(|line| u32::from(LINE_VECTOR) + line).collect();
        let address = self.pci.message_address;
        let mut space = self.platform.configuration().function(function);
        messages.enable(&mut space, address, data.first().copied().unwrap_or(0));
        let Some((bar, table)) = messages.table() else { return Ok(()) };
        let bar = bars.iter().find(|it| it.index == bar && !it.ports && table.end <= it.length);
        let start = bar.ok_or(Error::NoSuchResource)?.address + table.start;
        let page = start - start % PAGE_SIZE;
        let inside = (start - page) as usize;
        let writes: Vec<(usize, u32)> =
            messages.entries(address, &data).into_iter().map(|(offset, value)| (inside + offset, value)).collect();
        let pages = writes.last().map_or(0, |(offset, _)| *offset as u64) / PAGE_SIZE + 1;
        let hole = self.authority.hole_over(&(page..page + pages * PAGE_SIZE)).ok_or(Error::NoSuchResource)?;
        let region = self.kernel.region_device(hole, page, pages)?;
        let written = self.platform.write_registers(region, &writes);
        close(&mut self.kernel, region);
        written
    }
}

impl Authority {
    /// The region over the hole that has all of these addresses.
    fn hole_over(&self, range: &Range<u64>) -> Option<Handle> {
        self.holes.iter().find(|(hole, _)| contains(hole, range)).map(|(_, region)| *region)
    }

    /// The handles to these interrupts.
    pub(crate) fn interrupts(&self, interrupts: &Interrupts) -> impl Iterator<Item = Handle> {
        let line = match interrupts {
            Interrupts::Line(line) => self.lines.iter().find(|(known, _)| known == line).map(|(_, handle)| *handle),
            _ => None,
        };
        let messages = interrupts.messages().iter().map(|line| self.messages[(line - MESSAGE_LINES.start) as usize]);
        line.into_iter().chain(messages)
    }
}

fn contains(outer: &Range<u64>, inner: &Range<u64>) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}

fn overlaps(one: &Range<u64>, other: &Range<u64>) -> bool {
    one.start < other.end && other.start < one.end
}

/// All buses' configuration space.
fn configuration_range(pci: &Pci) -> Range<u64> {
    let buses = u64::from(*pci.buses.end()).saturating_sub((*pci.buses.start()).into()) + 1;
    pci.configuration..pci.configuration + (buses << 20)
}
