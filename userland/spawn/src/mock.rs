//! A model of the kernel for host tests: handles with rights, processes with tables and mappings, and a
//! count of everything that is still alive. Any call can be made to fail.

mod calls;

use std::collections::{BTreeMap, BTreeSet};
use std::string::String;
use std::vec::Vec;

use airox_abi::trace::Event;
use airox_abi::{DELEGATED, Error, Handle, MapFlags, ObjectKind, Rights};

use crate::Kernel;

/// Number of a model object.
type Object = u64;

/// A capability.
#[derive(Clone, Copy, Debug)]
struct Capability {
    object: Object,
    kind: ObjectKind,
    rights: Rights,
    badge: u64,
    /// The own handle it was derived from.
    parent: Option<Handle>,
}

/// A model process.
#[derive(Clone, Debug, Default)]
pub struct MockProcess {
    /// Its name.
    pub name: String,
    /// Whether it has not ended.
    pub alive: bool,
    /// Its exit code, once it has ended.
    pub exit_code: i64,
    /// The highest priority of its threads.
    pub max_priority: u8,
    /// Budget and period that its threads run on, if it was given any.
    pub budget: Option<(u64, u64)>,
    /// The processor of that budget.
    pub budget_processor: u32,
    /// The processors it may use, if that was said.
    pub processors: Option<u64>,
    /// Whether its first thread runs on its callers' time.
    pub passive: bool,
    /// Its first thread's weight, if it was given one.
    pub weight: u16,
    /// Its started threads: entry, stack, argument.
    pub started: Vec<(u64, u64, u64)>,
    /// Its mappings: address, pages, flags.
    pub mappings: Vec<(u64, u64, MapFlags)>,
    mapped: Vec<Object>,
    table: Vec<Capability>,
    quota: Object,
    watch: Option<(Object, u64)>,
    thread_number: u32,
}

/// What is alive: own handles, living processes, and objects that a handle or mapping keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counts {
    /// Own handles.
    pub handles: usize,
    /// Processes that have not ended.
    pub processes: usize,
    /// Objects of all kinds.
    pub objects: usize,
}

/// The model.
#[derive(Debug, Default)]
pub struct MockKernel {
    /// Every call made, by its name.
    pub calls: Vec<&'static str>,
    /// Calls that succeed from now on before all that can fail do; `None` = all succeed.
    pub failing_after: Option<usize>,
    /// Words that `process_read` finds, by their address.
    pub memory: BTreeMap<u64, u64>,
    /// Nanoseconds since boot.
    pub clock: u64,
    /// How many processors there are.
    pub processors: u32,
    /// TSC ticks in which no thread could run.
    pub idle: u64,
    /// Numbers and events of each processor's trace ring.
    pub trace: Vec<(u64, Event)>,
    /// The last timer set: signal, deadline, bits.
    pub timer: Option<(Handle, u64, u64)>,
    /// Content of regions made by `region_create`.
    pub regions: BTreeMap<u64, Vec<u8>>,
    /// No device memory is below.
    pub ram_end: u64,
    /// Regions over device memory: address and pages.
    device_memory: BTreeMap<Object, (u64, u64)>,
    /// First and last.
    io_ports: BTreeMap<Object, (u16, u16)>,
    budgets: BTreeMap<Object, (u32, u64, u64)>,
    handles: BTreeMap<Handle, Capability>,
    processes: BTreeMap<Object, MockProcess>,
    threads: BTreeMap<Object, Object>,
    notified: BTreeMap<Object, u64>,
    next_object: Object,
    next_handle: u32,
}

impl MockKernel {
    /// A kernel without objects, where nothing fails.
    #[must_use]
    pub fn new() -> MockKernel {
        MockKernel { processors: 1, ..MockKernel::default() }
    }

    /// Makes an object and a handle with all rights to it.
    pub fn object(&mut self, kind: ObjectKind) -> Handle {
        self.next_object += 1;
        self.insert(Capability { object: self.next_object, kind, rights: Rights::all(), badge: 0, parent: None })
    }

    /// Makes a running process with one stopped thread of this number.
    pub fn running_process(&mut self, name: &str, thread_number: u32) -> (Handle, Handle) {
        let quota = self.object(ObjectKind::Quota);
        let process = self.process_create(quota, name).unwrap();
        let thread = self.thread_create(process, 1, Handle::NONE).unwrap();
        let object = self.handles[&process].object;
        self.processes.get_mut(&object).unwrap().thread_number = thread_number;
        (process, thread)
    }

    /// The living process of this name.
    #[must_use]
    pub fn process(&self, name: &str) -> Option<&MockProcess> {
        self.processes.values().find(|process| process.alive && process.name == name)
    }

    /// Kinds, rights and badges of the handles of the living process of this name.
    #[must_use]
    pub fn granted(&self, name: &str) -> Vec<(ObjectKind, Rights, u64)> {
        self.process(name).map_or_else(Vec::new, |process| {
            process.table.iter().map(|each| (each.kind, each.rights, each.badge)).collect()
        })
    }

    /// The living process of this name exits.
    pub fn exit(&mut self, name: &str, code: i64) {
        let object = *self.processes.iter().find(|(_, process)| process.alive && process.name == name).unwrap().0;
        self.end(object, code);
    }

    /// Takes the bits a signal was notified with.
    pub fn take_bits(&mut self, signal: Handle) -> u64 {
        let object = self.handles[&signal].object;
        self.notified.remove(&object).unwrap_or(0)
    }

    /// Whether an own handle is still valid.
    #[must_use]
    pub fn is_valid(&self, handle: Handle) -> bool {
        self.handles.contains_key(&handle)
    }

    /// A range of I/O ports: the first and the last.
    #[must_use]
    pub fn port_range(&self, ports: Handle) -> Option<(u16, u16)> {
        self.io_ports.get(&self.handles.get(&ports)?.object).copied()
    }

    /// Address and pages of a region over device memory.
    #[must_use]
    pub fn device_range(&self, region: Handle) -> Option<(u64, u64)> {
        self.device_memory.get(&self.handles.get(&region)?.object).copied()
    }

    /// What is alive.
    #[must_use]
    pub fn counts(&self) -> Counts {
        let mut objects: BTreeSet<Object> = self.handles.values().map(|each| each.object).collect();
        let mut processes = 0;
        for (object, process) in self.processes.iter().filter(|(_, each)| each.alive) {
            processes += 1;
            objects.insert(*object);
            objects.insert(process.quota);
            objects.extend(process.mapped.iter());
            objects.extend(process.table.iter().map(|each| each.object));
        }
        Counts { handles: self.handles.len(), processes, objects: objects.len() }
    }

    fn insert(&mut self, capability: Capability) -> Handle {
        self.next_handle += 1;
        let handle = Handle::new(self.next_handle, 1);
        self.handles.insert(handle, capability);
        handle
    }

    fn enter(&mut self, name: &'static str) -> Result<(), Error> {
        self.calls.push(name);
        match &mut self.failing_after {
            None => Ok(()),
            Some(0) => Err(Error::QuotaExceeded),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
        }
    }

    fn get(&self, handle: Handle, kind: ObjectKind, rights: Rights) -> Result<Capability, Error> {
        let capability = *self.handles.get(&handle).ok_or(Error::InvalidHandle)?;
        if capability.kind != kind {
            return Err(Error::WrongType);
        }
        if !capability.rights.contains(rights) {
            return Err(Error::MissingRight);
        }
        Ok(capability)
    }

    fn living(&mut self, handle: Handle, rights: Rights) -> Result<&mut MockProcess, Error> {
        let object = self.get(handle, ObjectKind::Process, rights)?.object;
        let process = self.processes.get_mut(&object).unwrap();
        if process.alive { Ok(process) } else { Err(Error::Dead) }
    }

    fn thread_owner(&mut self, thread: Handle) -> Result<&mut MockProcess, Error> {
        let thread = self.get(thread, ObjectKind::Thread, Rights::CONTROL)?.object;
        Ok(self.processes.get_mut(&self.threads[&thread]).unwrap())
    }

    fn end(&mut self, object: Object, code: i64) {
        let process = self.processes.get_mut(&object).unwrap();
        process.alive = false;
        process.exit_code = code;
        process.table.clear();
        process.mapped.clear();
        if let Some((signal, bits)) = process.watch {
            *self.notified.entry(signal).or_default() |= bits;
        }
    }

    fn copy_of(&self, handle: Handle, rights: Rights, badge: u64) -> Result<Capability, Error> {
        let source = *self.handles.get(&handle).ok_or(Error::InvalidHandle)?;
        if !source.rights.contains(Rights::COPY) {
            return Err(Error::MissingRight);
        }
        let marks = badge == DELEGATED && source.kind == ObjectKind::Port;
        if badge != 0 && !marks && (source.badge != 0 || !source.rights.contains(Rights::BADGE)) {
            return Err(Error::MissingRight);
        }
        Ok(Capability { rights: source.rights & rights, badge: source.badge | badge, parent: Some(handle), ..source })
    }

    fn mint(&mut self, machine: Handle, kind: ObjectKind) -> Result<Handle, Error> {
        self.get(machine, ObjectKind::Machine, Rights::CONTROL)?;
        Ok(self.object(kind))
    }
}
