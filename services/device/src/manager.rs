//! Devices and the processes that drive them.

use airox_abi::layout::{LINE_VECTOR, MESSAGE_LINES, PAGE_SIZE};
use airox_abi::message::WORDS;
use airox_abi::{Error, Handle, ObjectKind, QuotaLimits, Rights};
use airox_api::device::FIRST_DRIVER;
use airox_api::log::{Level, MAX_TEXT};
use airox_api::wire::interface_id;
use airox_bundle::system::{Driver, System};
use airox_bundle::{Bundle, Symbols};
use airox_driver_traits::pci::{ConfigurationSpace, register};
use airox_driver_traits::registers::Registers;
use airox_spawn::{Grant, Kernel, QuotaSource, SpawnRequest, fault};
use airox_supervise::component::{Component, Instance, ServedPort, State};
use airox_supervise::restart::{Decision, End};
use airox_supervise::{Minted, Severity, StartError, Watch, close, next_wake, time_request};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use crate::arguments::Pci;
use crate::clients::Waiting;
use crate::function::{self, Function};
use crate::messages::Messages;
use crate::platform::Platform;
use crate::slot::{Driving, Found, Mapped, Slot};
use crate::{bars, memory, scan};

/// The bit of the manager's signal that its timer sets; the others say that a driver ended.
pub const TIMER_BIT: u64 = 1;
/// Most devices that have drivers.
pub const MAX_DRIVERS: usize = 24;

/// The manager's own handles.
#[derive(Clone, Debug)]
pub struct Authority {
    /// The bundle: `READ`, `EXECUTE`.
    pub bundle: Handle,
    /// The manager's own quota: `CONTROL`.
    pub quota: Handle,
    /// The port it receives on: all rights.
    pub port: Handle,
    /// The signal bound to that port: all rights.
    pub signal: Handle,
    /// The log's port, unbadged.
    pub log: Handle,
    /// The addresses that devices can be given: `CONTROL`.
    pub hole: Handle,
    /// One for each of [`MESSAGE_LINES`]: `CONTROL`, `COPY`.
    pub messages: Vec<Handle>,
}

/// What the manager knows about its system.
#[derive(Clone, Copy, Debug)]
pub struct Site<'a> {
    /// The bundle.
    pub bundle: Bundle<'a>,
    /// Its bytes.
    pub bundle_bytes: &'a [u8],
    /// Its system record.
    pub system: &'a System,
    /// The processors that drivers may run on, one bit each.
    pub processors: u64,
}

/// The manager. `W` is the right to answer somebody who waits for a device.
#[derive(Debug)]
pub struct Manager<'a, K, P, W> {
    pub(crate) kernel: K,
    pub(crate) platform: P,
    pub(crate) site: Site<'a>,
    authority: Authority,
    pci: Pci,
    pub(crate) slots: Vec<Slot<'a>>,
    next_number: u32,
    pub(crate) waiting: Vec<Waiting<W>>,
    pub(crate) answers: Vec<crate::clients::Answer<W>>,
}

impl<'a, K: Kernel, P: Platform, W> Manager<'a, K, P, W> {
    /// A manager that knows no device yet.
    pub fn new(kernel: K, platform: P, site: Site<'a>, authority: Authority, pci: Pci) -> Manager<'a, K, P, W> {
        Manager {
            kernel,
            platform,
            site,
            authority,
            pci,
            slots: Vec::new(),
            next_number: FIRST_DRIVER,
            waiting: Vec::new(),
            answers: Vec::new(),
        }
    }

    /// The kernel.
    pub fn kernel(&mut self) -> &mut K {
        &mut self.kernel
    }

    /// PCI, and init.
    pub fn platform(&mut self) -> &mut P {
        &mut self.platform
    }

    /// The devices, in order of their addresses.
    #[must_use]
    pub fn slots(&self) -> &[Slot<'a>] {
        &self.slots
    }

    /// Looks for devices that came and went, and starts the drivers of those that came. Returns how many there are.
    pub fn rescan(&mut self) -> usize {
        let found = scan::scan(self.platform.configuration(), &self.pci.buses);
        let known = |function: &Function, others: &[Function]| {
            others.iter().any(|other| other.address == function.address && other.identity == function.identity)
        };
        // With a bus go the devices there, which come after it.
        for index in (0..self.slots.len()).rev() {
            if self.slots[index].found.function().is_some_and(|function| !known(function, &found)) {
                self.remove(index);
            }
        }
        let kept: Vec<Function> = self.slots.iter().filter_map(|slot| slot.found.function().copied()).collect();
        for function in found.into_iter().filter(|function| !known(function, &kept)) {
            let found = Found::Function(function);
            let driving = self.driver_for(&found).and_then(|record| self.adopt(&found, record));
            self.insert(Slot { found, driving });
        }
        for index in 0..self.slots.len() {
            if self.driving(index).is_some_and(|it| it.component.state == State::New && it.unusable.is_none()) {
                self.start(index);
            }
        }
        self.slots.len()
    }

    fn driving(&self, index: usize) -> Option<&Driving<'a>> {
        self.slots[index].driving.as_ref()
    }

    /// Puts a device where it belongs; returns where that is.
    pub(crate) fn insert(&mut self, slot: Slot<'a>) -> usize {
        let index = self.slots.partition_point(|other| other.found.place() < slot.found.place());
        self.slots.insert(index, slot);
        index
    }

    /// The first driver of the system that is for such a device.
    pub(crate) fn driver_for(&self, found: &Found) -> Option<&'a Driver> {
        let mut drivers = self.site.system.drivers.iter();
        drivers.find(|driver| {
            let matches = if found.function().is_some() { &driver.pci } else { &driver.usb };
            matches.iter().any(|wanted| function::matches(found.identity(), wanted))
        })
    }

    /// Prepares what a driver of this device needs: name, port, memory, interrupts.
    pub(crate) fn adopt(&mut self, found: &Found, record: &'a Driver) -> Option<Driving<'a>> {
        let drivers = self.slots.iter().filter_map(|slot| slot.driving.as_ref());
        if drivers.clone().count() >= MAX_DRIVERS {
            log::error!("{}: more than {MAX_DRIVERS} devices have drivers", found.place());
            return None;
        }
        let path = |number: u32| format!("/dev/{}{number}", record.path);
        let number = (0..).find(|number| drivers.clone().all(|other| other.path != path(*number)))?;
        let mut driving = Driving {
            record,
            number: self.next_number,
            name: format!("{}{number}", record.component.name),
            path: path(number),
            component: Component::new(),
            unusable: None,
            bars: Vec::new(),
            windows: Vec::new(),
            messages: None,
            announced: None,
            mapped: Mapped::default(),
        };
        self.next_number += 1;
        let claimed = match found {
            Found::Function(function) => self.claim(function, &mut driving),
            Found::OnBus(_) => self.mint(&mut driving).map_err(|error| error.text()),
        };
        if let Err(why) = claimed {
            log::error!("{} ({}) cannot be used: {why}", driving.path, found.place());
            driving.unusable = Some(why);
        }
        Some(driving)
    }

    /// Finds the device's memory and interrupts, and mints what the driver gets of them.
    fn claim(&mut self, function: &Function, driving: &mut Driving<'a>) -> Result<(), &'static str> {
        let mut space = self.platform.configuration().function(function.address);
        driving.bars = bars::read(&mut space, 6);
        let messages = Messages::read(&mut space);
        self.place(function, driving)?;
        driving.windows = memory::windows(&driving.bars, messages.as_ref());

        let wanted = driving.record.interrupts;
        if wanted > 0 {
            let messages = messages.ok_or("it sends no messages to interrupt by")?;
            let lines: Vec<u32> = self.free_lines().into_iter().take(wanted.min(messages.count()) as usize).collect();
            if lines.is_empty() {
                return Err("all interrupts are in use");
            }
            driving.messages = Some((messages, lines));
        }
        self.mint(driving).map_err(|error| error.text())
    }

    /// Lines that no device uses.
    fn free_lines(&self) -> Vec<u32> {
        let used = |line: &u32| {
            let mut driving = self.slots.iter().filter_map(|slot| slot.driving.as_ref());
            driving.any(|it| it.messages.as_ref().is_some_and(|(_, lines)| lines.contains(line)))
        };
        MESSAGE_LINES.filter(|line| !used(line)).collect()
    }

    /// Sees to it that all of a device's memory is where it can be reached and touches nobody else's.
    fn place(&mut self, function: &Function, driving: &mut Driving<'a>) -> Result<(), &'static str> {
        let (start, length) = self.pci.hole;
        let hole = start..start + length;
        let mut used: Vec<Range<u64>> = self.slots.iter().filter_map(|slot| slot.driving.as_ref()).fold(
            alloc::vec![self.pci.configuration..self.pci.configuration + configuration_length(&self.pci)],
            |mut used, other| {
                used.extend(other.bars.iter().filter_map(|bar| Some(bar.address..bar.end()?)));
                used
            },
        );
        for index in 0..driving.bars.len() {
            let bar = driving.bars[index];
            let fits = |range: &Range<u64>| {
                hole.start <= range.start
                    && range.end <= hole.end
                    && used.iter().all(|taken| range.end <= taken.start || taken.end <= range.start)
            };
            let own = bar.end().map(|end| bar.address..end).filter(|range| bar.address != 0 && fits(range));
            let range = match own {
                Some(range) => range,
                None => {
                    let window = self.bridge_window(function).ok_or("its memory has no address that can be reached")?;
                    let window = window.start.max(hole.start)..window.end.min(hole.end);
                    let place =
                        memory::free_place(window, &used, bar.length).ok_or("there is no room for its memory")?;
                    let mut space = self.platform.configuration().function(function.address);
                    driving.bars[index].place(&mut space, place);
                    place..place + bar.length
                }
            };
            used.push(range);
        }
        Ok(())
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

    /// Makes the driver's port and the handles to its device's memory and interrupts.
    fn mint(&mut self, driving: &mut Driving<'a>) -> Result<(), Error> {
        let rights = Rights::SEND | Rights::COPY;
        let badge = u64::from(driving.number);
        let component = &mut driving.component;
        component.supervisor = self.kernel.handle_copy(self.authority.port, rights, badge)?;
        for interface in &driving.record.component.provides {
            component.ports.push(ServedPort::create(&mut self.kernel, interface_id(interface).into())?);
        }
        for window in &driving.windows {
            let bar = driving.bars.iter().find(|bar| bar.index == window.bar);
            let address = bar.map_or(0, |bar| bar.address) + window.offset;
            let handle = self.kernel.region_device(self.authority.hole, address, window.length / PAGE_SIZE)?;
            let (name, rights) = (window.handle_name(), Rights::READ | Rights::WRITE);
            component.owned.handles.push(Minted { name, handle, kind: ObjectKind::Region, rights });
        }
        let lines = driving.messages.iter().flat_map(|(_, lines)| lines);
        for (index, line) in lines.enumerate() {
            let source = self.authority.messages[(line - MESSAGE_LINES.start) as usize];
            let rights = Rights::CONTROL | Rights::COPY;
            let handle = self.kernel.handle_copy(source, rights, 0)?;
            let name = format!("irq:{index}");
            component.owned.handles.push(Minted { name, handle, kind: ObjectKind::Irq, rights: Rights::CONTROL });
        }
        Ok(())
    }

    /// Starts a driver; if that fails, it counts as one of its failures.
    pub(crate) fn start(&mut self, index: usize) {
        let started = self.connect(index).map_err(|error| StartError::Kernel("connect the device", error));
        match started.and_then(|()| self.try_start(index)) {
            Ok(instance) => {
                let Some(driving) = &mut self.slots[index].driving else { return };
                driving.component.started(instance);
                self.platform.introduce(driving.number, &driving.name);
            }
            Err(error) => {
                if let Some(driving) = self.driving(index) {
                    log::error!("`{}` could not be started: {error}", driving.name);
                }
                self.ended(index, End::NotStarted);
            }
        }
    }

    /// Lets the device answer to its memory and send its interrupts.
    fn connect(&mut self, index: usize) -> Result<(), Error> {
        let slot = &self.slots[index];
        let (Some(driving), Some(function)) = (&slot.driving, slot.found.function()) else { return Ok(()) };
        let mut space = self.platform.configuration().function(function.address);
        function::enable(&mut space);
        let Some((messages, lines)) = &driving.messages else { return Ok(()) };
        let data: Vec<u32> = lines.iter().map(|line| u32::from(LINE_VECTOR) + line).collect();
        let address = self.pci.message_address;
        messages.enable(&mut space, address, data.first().copied().unwrap_or(0));
        let Some((bar, table)) = messages.table() else { return Ok(()) };
        let bar = driving.bars.iter().find(|it| it.index == bar && table.end <= it.length);
        let start = bar.ok_or(Error::NoSuchResource)?.address + table.start;
        let page = start - start % PAGE_SIZE;
        let inside = (start - page) as usize;
        let writes: Vec<(usize, u32)> =
            messages.entries(address, &data).into_iter().map(|(offset, value)| (inside + offset, value)).collect();
        let last = writes.last().map_or(0, |(offset, _)| *offset as u64);
        let region = self.kernel.region_device(self.authority.hole, page, last / PAGE_SIZE + 1)?;
        let written = self.platform.write_registers(region, &writes);
        close(&mut self.kernel, region);
        written
    }

    fn try_start(&mut self, index: usize) -> Result<Instance, StartError> {
        let Some(driving) = &self.slots[index].driving else { return Err(StartError::NoProgram) };
        let record = &driving.record.component;
        let program = self.site.bundle.program(&record.program).ok_or(StartError::NoProgram)?;
        let (parent, limits) = (self.authority.quota, QuotaLimits(record.limits));
        let quota = Component::carve(&mut self.kernel, parent, &limits)?;
        let arguments: Vec<&str> = record.arguments.iter().map(String::as_str).collect();
        let served: Vec<String> = record.provides.iter().map(|interface| format!("serve:{interface}")).collect();
        let component = &driving.component;
        let client = Rights::SEND | Rights::COPY;
        let port = |name, handle, rights, badge| Grant { name, handle, kind: ObjectKind::Port, rights, badge };
        let mut grants = alloc::vec![
            port("supervisor", component.supervisor, client, 0),
            port("fault", component.supervisor, client, 0),
            port("device", component.supervisor, client, 0),
            port("log", self.authority.log, client, u64::from(driving.number)),
        ];
        for (name, served) in served.iter().zip(&component.ports) {
            let server = served.server.map(|server| port(name, server, client | Rights::RECEIVE | Rights::BADGE, 0));
            grants.extend(server);
        }
        grants.extend(component.owned.handles.iter().map(Minted::grant));
        let request = SpawnRequest {
            bundle: self.authority.bundle,
            bundle_bytes: self.site.bundle_bytes,
            program: &program,
            name: &driving.name,
            arguments: &arguments,
            quota: QuotaSource::Given(quota),
            grants: &grants,
            priority: record.priority,
            max_priority: record.max_priority,
            stack_bytes: record.stack,
            heap_bytes: record.heap,
            fault_port: component.supervisor,
            log_level: Level::Info,
            time: time_request(&record.time, record.processors & self.site.processors),
        };
        let watch = Watch { signal: self.authority.signal, bits: exit_bit(driving.number) };
        Instance::launch(&mut self.kernel, quota, &request, watch)
    }

    /// A signal arrived: time passed, or drivers ended.
    pub fn signalled(&mut self, bits: u64) {
        for index in 0..self.slots.len() {
            let Some(driving) = &self.slots[index].driving else { continue };
            if bits & exit_bit(driving.number) != 0
                && let Some(end) = driving.component.end_of_instance(&mut self.kernel)
            {
                self.ended(index, end);
            }
        }
        if bits & TIMER_BIT != 0 {
            let now = self.kernel.now();
            for index in 0..self.slots.len() {
                if let Some(driving) = self.slots[index].driving.as_mut().filter(|it| it.component.is_due(now)) {
                    driving.component.restarts += 1;
                    self.start(index);
                }
            }
        }
        self.set_timer();
    }

    /// A thread of a driver faulted. Its process is dead when this returns.
    pub fn faulted(&mut self, badge: u64, label: u16, words: &[u64; WORDS]) {
        let Some(index) = self.index_of(badge) else { return };
        let Some(driving) = &self.slots[index].driving else { return };
        let image = self.site.bundle.program(&driving.record.component.program);
        let symbols = image.as_ref().map_or(Symbols::EMPTY, |image| image.symbols());
        let report = driving.component.fault_report(&mut self.kernel, &driving.name, symbols, label, words);
        for part in report.iter().flat_map(|report| fault::parts(report, MAX_TEXT)) {
            log::error!("{part}");
        }
        self.ended(index, End::Faulted);
    }

    /// A driver says that it panicked; it is about to exit.
    pub fn panicked(&mut self, badge: u64, message: &str, file: &str, line: u32) {
        let Some(index) = self.index_of(badge) else { return };
        let Some(driving) = &mut self.slots[index].driving else { return };
        if let Some(text) = driving.component.panic_report(&driving.name, message, file, line) {
            log::error!("{text}");
        }
    }

    /// The device that a driver's badge belongs to.
    pub(crate) fn index_of(&self, badge: u64) -> Option<usize> {
        self.slots.iter().position(|slot| slot.driving.as_ref().is_some_and(|it| u64::from(it.number) == badge))
    }

    /// Buries a driver that ended and decides what becomes of it.
    pub(crate) fn ended(&mut self, index: usize, end: End) {
        self.bury(index);
        let now = self.kernel.now();
        let Some(driving) = &mut self.slots[index].driving else { return };
        let verdict = driving.component.judge(&driving.name, &driving.record.component.restart, end, now);
        match verdict.severity {
            Severity::Info => log::info!("{}", verdict.text),
            Severity::Warning => log::warn!("{}", verdict.text),
            Severity::Error => log::error!("{}", verdict.text),
        }
        let state = match verdict.decision {
            Decision::RestartAt(_) => None,
            Decision::Stop => Some(State::Stopped),
            Decision::GiveUp => Some(State::Failed),
        };
        if let Some(state) = state {
            driving.component.state = state;
            driving.component.close_ports(&mut self.kernel);
            self.refuse_waiting(index);
        }
        self.set_timer();
    }

    /// Ends a driver's process, takes back all it had, and keeps its device from memory.
    pub(crate) fn bury(&mut self, index: usize) {
        let slot = &mut self.slots[index];
        let Some(driving) = &mut slot.driving else { return };
        driving.component.destroy(&mut self.kernel);
        if let Some(function) = slot.found.function() {
            let mut space = self.platform.configuration().function(function.address);
            if let Some((messages, _)) = &driving.messages {
                messages.disable(&mut space);
            }
            if !function::silence(&mut space) {
                log::warn!("{}: the device still waits for answers to what it asked", driving.path);
            }
        }
        driving.mapped.driver_ended();
        driving.announced = None;
        let number = driving.number;
        self.platform.release(number);
        self.detach_children(number);
    }

    /// Ends a driver, if it runs, and starts it at once; its past failures are forgiven.
    pub(crate) fn restart(&mut self, index: usize) -> Result<(), Error> {
        self.bury(index);
        let Some(driving) = &mut self.slots[index].driving else { return Ok(()) };
        driving.component.history.forgive();
        driving.component.restarts += 1;
        driving.component.reopen_ports(&mut self.kernel)?;
        log::info!("`{}` is restarted by hand", driving.name);
        self.start(index);
        self.set_timer();
        Ok(())
    }

    /// A device is not there any more.
    pub(crate) fn remove(&mut self, index: usize) {
        self.bury(index);
        let Some(mut driving) = self.slots.remove(index).driving else { return };
        self.remove_children(driving.number, true);
        log::info!("{} has been removed", driving.path);
        driving.mapped.device_gone(&mut self.kernel);
        driving.component.close_ports(&mut self.kernel);
        driving.component.close_resources(&mut self.kernel);
        let clients = driving.component.ports.iter().map(|port| port.clients);
        let supervisor = Some(driving.component.supervisor).filter(|handle| !handle.is_none());
        for handle in clients.chain(supervisor) {
            close(&mut self.kernel, handle);
        }
    }

    /// What is kept for a driver's device, and the kernel.
    pub(crate) fn driving_of(&mut self, badge: u64) -> Option<(&mut Driving<'a>, &mut K)> {
        let index = self.index_of(badge)?;
        Some((self.slots[index].driving.as_mut()?, &mut self.kernel))
    }

    /// Asks for a signal when the next driver is to be restarted.
    fn set_timer(&mut self) {
        let next = next_wake(self.slots.iter().filter_map(|slot| slot.driving.as_ref()).map(|it| &it.component));
        let set = self.kernel.timer_set(self.authority.signal, next, TIMER_BIT);
        debug_assert_eq!(set, Ok(()), "the manager's own signal");
    }
}

/// Bytes of all buses' configuration space.
fn configuration_length(pci: &Pci) -> u64 {
    (u64::from(*pci.buses.end()).saturating_sub((*pci.buses.start()).into()) + 1) << 20
}

/// The bit that says that a driver process ended. Beyond 63 numbers several share one.
const fn exit_bit(number: u32) -> u64 {
    1 << (1 + number % 63)
}
