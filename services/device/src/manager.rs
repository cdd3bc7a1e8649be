//! Devices and the processes that drive them.

use airox_abi::message::WORDS;
use airox_abi::{Error, Handle, ObjectKind, QuotaLimits, Rights};
use airox_api::device::FIRST_DRIVER;
use airox_api::log::{Level, MAX_TEXT};
use airox_bundle::system::{Driver, System};
use airox_bundle::{Bundle, Symbols};
use airox_driver_traits::pci::ConfigurationSpace;
use airox_spawn::{Grant, Kernel, QuotaSource, SpawnRequest, fault};
use airox_supervise::component::{Component, Instance, State};
use airox_supervise::restart::{Decision, End};
use airox_supervise::{Minted, Severity, StartError, Watch, close, next_wake, time_request};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use crate::arguments::Pci;
use crate::clients::Waiting;
use crate::function::{self, Function};
use crate::platform::Platform;
use crate::slot::{Driving, Found, Interrupts, Mapped, Slot};
use crate::{confinement, scan, wiring};

/// The bit of the manager's signal that its timer sets; the others but [`PLUG_BIT`] and [`TRESPASS_BIT`] say that a driver ended.
pub const TIMER_BIT: u64 = 1;
/// The bit that ports set when a device was plugged in or is to be taken out.
pub const PLUG_BIT: u64 = 2;
/// The bit that says that devices were kept from memory.
pub const TRESPASS_BIT: u64 = 1 << 63;
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
    /// The addresses that devices can be given, and regions over them: `CONTROL`.
    pub holes: Vec<(Range<u64>, Handle)>,
    /// The ports that devices can be given: `CONTROL`.
    pub ports: Vec<(Range<u64>, Handle)>,
    /// One for each of [`MESSAGE_LINES`](airox_abi::layout::MESSAGE_LINES), from the first on: `CONTROL`, `COPY`.
    pub messages: Vec<Handle>,
    /// The lines that pins of devices may pull: `CONTROL`, `COPY`.
    pub lines: Vec<(u32, Handle)>,
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
    pub(crate) authority: Authority,
    pub(crate) pci: Pci,
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
        wiring::keep_from_isa(self.platform.configuration());
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
        // Whatever firmware or a manager before this one had devices do: they use memory and lines only once they have drivers. Bridges go on
        // forwarding.
        for function in found.iter().filter(|function| !known(function, &kept)) {
            let mut space = self.platform.configuration().function(function.address);
            if function.bridge.is_some() {
                function::release_line(&mut space);
            } else if !function::silence(&mut space) {
                log::warn!("{}: the device still waits for answers to what it asked", function.address);
            }
        }
        for function in found.into_iter().filter(|function| !known(function, &kept)) {
            let found = Found::Function(function);
            let driving = self.driver_for(&found).and_then(|record| self.adopt(&found, record));
            let plugs = self.listen(&function);
            self.insert(Slot { found, driving, plugs });
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
            ports: Vec::new(),
            interrupts: Interrupts::None,
            announced: None,
            mapped: Mapped::default(),
            trespasses: 0,
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
        if bits & PLUG_BIT != 0 {
            self.look_at_ports();
        }
        if bits & TRESPASS_BIT != 0 {
            self.trespasses();
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
            if let Interrupts::Messages(messages, _) = &driving.interrupts {
                messages.disable(&mut space);
            }
            if !function::silence(&mut space) {
                log::warn!("{}: the device still waits for answers to what it asked", driving.path);
            }
            if let Some(unit) = self.platform.confinement() {
                confinement::release(unit, function.address, &driving.path);
            }
        }
        driving.trespasses = 0;
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

/// The bit that says that a driver process ended. Beyond 61 numbers several share one.
const fn exit_bit(number: u32) -> u64 {
    1 << (2 + number % 61)
}
