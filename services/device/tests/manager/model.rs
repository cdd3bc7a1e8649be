//! A model machine: PCI functions with registers that behave, a system with a disk driver, and the manager over both.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use airox_abi::layout::{MESSAGE_LINES, PROGRAM_BASE};
use airox_abi::{Error, Handle, ObjectKind, RegionKind, Rights};
use airox_api::device::DeviceError;
use airox_bundle::Bundle;
use airox_bundle::system::{
    Component, ComponentKind, ConfigurationRegister, Driver, Grant, IdentityMatch, Restart, RestartPolicy, System, Time,
};
use airox_bundle::write::{Builder, ProgramImage, SegmentImage};
use airox_device::arguments::Pci;
use airox_device::confinement::Confinement;
use airox_device::manager::{Authority, Manager, Site, TIMER_BIT};
use airox_device::{Platform, Requests};
use airox_driver_traits::pci::{BusAddress, ConfigurationSpace};
use airox_driver_traits::registers::{Bytes, Registers, Width};
use airox_spawn::Kernel;
use airox_spawn::mock::MockKernel;
use airox_vt_d::Fault;

pub const MS: u64 = 1_000_000;
pub const CONFIGURATION: u64 = 0xb000_0000;
pub const HOLE: u64 = 0xc000_0000;
pub const HOLE_LENGTH: u64 = 0x3ec0_0000;
pub const HIGH_HOLE: Range<u64> = 0x70_0000_0000..0x100_0000_0000;
pub const PORTS: Range<u64> = 0x1000..0xf000;

/// Badges of the system's components.
pub const SHELL: u64 = 1;
pub const OTHER: u64 = 2;
pub const PROCESS: u64 = 3;

pub const fn at(bus: u8, device: u8, function: u8) -> BusAddress {
    BusAddress { bus, device, function }
}

/// A function: its registers, and which bits of its base address registers can be set.
#[derive(Clone)]
pub struct ModelFunction {
    pub bytes: Bytes,
    masks: [u32; 6],
    is_port: bool,
}

/// Where the control and status of a port's slot are in this model.
pub const SLOT_CONTROL: usize = 0x98;
pub const SLOT_STATUS: usize = 0x9a;

impl ModelFunction {
    pub fn new(vendor: u16, device: u16, class: u32) -> ModelFunction {
        let mut bytes = Bytes(vec![0; 256]);
        bytes.write_u16(0, vendor);
        bytes.write_u16(2, device);
        bytes.write_u32(8, class << 8);
        ModelFunction { bytes, masks: [0; 6], is_port: false }
    }

    /// A disk with its registers behind register 4, 64 bits wide, and the table of its 3 messages behind register 1.
    pub fn disk(address: u64) -> ModelFunction {
        let mut function = ModelFunction::new(0x1af4, 0x1042, 0x01_0000);
        function.bar(1, address, 0x1000);
        function.bar_64(4, address + 0x4000, 0x4000);
        function.messages(1, 0, 3);
        function
    }

    /// A function that interrupts by its pin and has ports behind register 0 and 1.
    pub fn with_ports(first: u32, pin: u8) -> ModelFunction {
        let mut function = ModelFunction::new(0x10e8, 0x8406, 0xff_0000);
        function.ports(0, first, 0x80);
        function.ports(1, first + 0x80, 8);
        function.bytes.write_u8(0x3d, pin);
        function
    }

    pub fn ports(&mut self, index: usize, first: u32, count: u32) {
        self.bar(index, 0, count);
        // The upper half is not there on a PC.
        self.masks[index] &= 0xffff;
        self.bytes.write_u32(0x10 + 4 * index, first | 1);
    }

    /// The two functions by which QEMU's q35 is known.
    pub fn q35() -> [(BusAddress, ModelFunction); 2] {
        [(at(0, 0, 0), 0x29c0), (at(0, 31, 0), 0x2918)].map(|(address, device)| {
            let mut function = ModelFunction::new(0x8086, device, 0x06_0000);
            function.bytes.write_u16(0x2c, 0x1af4);
            (address, function)
        })
    }

    /// A bridge to these buses that forwards these addresses.
    pub fn bridge(secondary: u8, last: u8, window: (u64, u64)) -> ModelFunction {
        let mut function = ModelFunction::new(0x1b36, 0x000c, 0x06_0400);
        function.bytes.write_u8(0x0e, 1);
        function.bytes.write_u8(0x19, secondary);
        function.bytes.write_u8(0x1a, last);
        function.bytes.write_u16(0x20, (window.0 >> 16) as u16);
        function.bytes.write_u16(0x22, ((window.0 + window.1).saturating_sub(1) >> 16) as u16);
        function
    }

    /// A bridge to bus 1 that devices are plugged into, with a power switch, which is off.
    pub fn port() -> ModelFunction {
        let mut function = ModelFunction::bridge(1, 1, (0xfe80_0000, 0x20_0000));
        function.messages(0, 0, 1);
        function.bar(0, 0xfe00_0000, 0x1000);
        function.bytes.write_u8(0x41, 0x80);
        function.bytes.write_u16(0x80, 0x10);
        function.bytes.write_u16(0x82, 1 << 8);
        function.bytes.write_u32(0x94, 1 << 1 | 1 << 6);
        function.bytes.write_u16(SLOT_CONTROL, 1 << 10 | 3 << 8);
        function.is_port = true;
        function
    }

    pub fn bar(&mut self, index: usize, address: u64, length: u32) {
        self.bytes.write_u32(0x10 + 4 * index, address as u32);
        self.masks[index] = !(length - 1);
    }

    pub fn bar_64(&mut self, index: usize, address: u64, length: u32) {
        self.bar(index, address, length);
        self.bytes.write_u32(0x10 + 4 * index, address as u32 | 0b1100);
        self.bytes.write_u32(0x14 + 4 * index, (address >> 32) as u32);
        self.masks[index + 1] = u32::MAX;
    }

    /// Message-signalled interrupts by a table.
    pub fn messages(&mut self, bar: u32, offset: u32, count: u16) {
        self.bytes.write_u16(6, 1 << 4);
        self.bytes.write_u8(0x34, 0x40);
        self.bytes.write_u32(0x40, 0x11 | u32::from(count - 1) << 16);
        self.bytes.write_u32(0x44, offset | bar);
    }

    fn write(&mut self, offset: usize, width: Width, value: u64) {
        match offset {
            0x10..0x28 => {
                let index = (offset - 0x10) / 4;
                let fixed = self.bytes.read_u32(offset) & !self.masks[index];
                self.bytes.write_u32(offset, fixed | value as u32 & self.masks[index]);
            }
            // What happened at a port is cleared by writing it, and not otherwise.
            SLOT_STATUS if self.is_port => {
                let status = self.bytes.read_u16(offset);
                self.bytes.write_u16(offset, status & !(value as u16 & 0x11f));
            }
            _ => self.bytes.write(offset, width, value),
        }
    }
}

/// PCI, and what init was told.
#[derive(Clone, Default)]
pub struct Model(Rc<RefCell<World>>);

#[derive(Default)]
pub struct World {
    pub functions: BTreeMap<BusAddress, ModelFunction>,
    /// Registers written: the region, and what.
    pub written: Vec<(Handle, Vec<(usize, u32)>)>,
    pub names: BTreeMap<u32, String>,
    /// Whether what is on bus 1 goes when the port at 00:01.0 loses its power.
    pub unplugs: bool,
    /// Interrupts that notify the manager, and by which bits.
    pub bound: Vec<(Handle, u64)>,
    /// Physical addresses of regions that are contiguous RAM.
    pub memory: BTreeMap<Handle, u64>,
    /// The remapping unit, if there is one: functions, and what each is shown where.
    pub confined: Option<BTreeMap<BusAddress, BTreeMap<u64, u64>>>,
    /// What it blocked.
    pub blocked: Vec<Fault>,
    /// It does not do what it is told.
    pub stuck: bool,
}

impl Model {
    pub fn world(&self) -> std::cell::RefMut<'_, World> {
        self.0.borrow_mut()
    }

    pub fn command(&self, address: BusAddress) -> u16 {
        self.world().functions.get_mut(&address).unwrap().bytes.read_u16(4)
    }
}

impl ConfigurationSpace for Model {
    fn read(&mut self, at: BusAddress, offset: usize, width: Width) -> u64 {
        let mut world = self.world();
        world.functions.get_mut(&at).map_or(width.nothing(), |function| function.bytes.read(offset, width))
    }

    fn write(&mut self, at: BusAddress, offset: usize, width: Width, value: u64) {
        let mut world = self.world();
        if let Some(function) = world.functions.get_mut(&at) {
            function.write(offset, width, value);
            if function.is_port && offset == SLOT_CONTROL && value & 1 << 10 != 0 && world.unplugs {
                world.functions.retain(|address, _| address.bus != 1);
            }
        }
    }
}

impl Platform for Model {
    type Space = Model;

    fn configuration(&mut self) -> &mut Model {
        self
    }

    fn write_registers(&mut self, region: Handle, writes: &[(usize, u32)]) -> Result<(), Error> {
        self.world().written.push((region, writes.to_vec()));
        Ok(())
    }

    fn bind_interrupt(&mut self, interrupt: Handle, _signal: Handle, bits: u64) -> Result<(), Error> {
        self.world().bound.push((interrupt, bits));
        Ok(())
    }

    fn region_info(&mut self, region: Handle) -> Result<(u64, RegionKind, u64), Error> {
        match self.world().memory.get(&region) {
            Some(address) => Ok((1, RegionKind::Contiguous, *address)),
            None => Ok((1, RegionKind::Lazy, 0)),
        }
    }

    fn confinement(&mut self) -> Option<&mut dyn Confinement> {
        let there = self.world().confined.is_some();
        there.then_some(self as &mut dyn Confinement)
    }

    fn introduce(&mut self, number: u32, name: &str) {
        self.world().names.insert(number, name.into());
    }

    fn release(&mut self, number: u32) {
        self.world().names.remove(&number);
    }
}

/// Where functions are shown memory.
pub const SHOWN: u64 = 0x10_0000;

impl Confinement for Model {
    fn confine(&mut self, at: BusAddress) -> Result<(), airox_vt_d::Error> {
        let mut world = self.world();
        if world.stuck {
            return Err(airox_vt_d::Error::NoAnswer);
        }
        let before = world.confined.as_mut().unwrap().insert(at, BTreeMap::new());
        assert!(before.is_none(), "{at} has a domain");
        Ok(())
    }

    fn release(&mut self, at: BusAddress) -> Result<(), airox_vt_d::Error> {
        self.world().confined.as_mut().unwrap().remove(&at).map(drop).ok_or(airox_vt_d::Error::NotAttached)
    }

    fn show(&mut self, at: BusAddress, physical: u64, pages: u64) -> Result<u64, airox_vt_d::Error> {
        let mut world = self.world();
        let shown = world.confined.as_mut().unwrap().get_mut(&at).ok_or(airox_vt_d::Error::NotAttached)?;
        assert_eq!(pages, 1);
        let address = (SHOWN..).step_by(4096).find(|address| !shown.contains_key(address)).unwrap();
        shown.insert(address, physical);
        Ok(address)
    }

    fn hide(&mut self, at: BusAddress, address: u64) -> Result<(), airox_vt_d::Error> {
        let mut world = self.world();
        if world.stuck {
            return Err(airox_vt_d::Error::NoAnswer);
        }
        let shown = world.confined.as_mut().unwrap().get_mut(&at).ok_or(airox_vt_d::Error::NotAttached)?;
        shown.remove(&address).map(drop).ok_or(airox_vt_d::Error::NotMapped)
    }

    fn blocked(&mut self) -> (Vec<Fault>, bool) {
        (std::mem::take(&mut self.world().blocked), false)
    }
}

pub type Devices<'a> = Manager<'a, MockKernel, Model, u32>;

pub fn component(name: &str) -> Component {
    Component {
        name: name.into(),
        program: "program".into(),
        kind: ComponentKind::Driver,
        arguments: vec!["fast".into()],
        priority: 20,
        max_priority: 20,
        stack: 0x4000,
        heap: 0x1_0000,
        limits: [64; 10],
        time: Time::default(),
        processors: u64::MAX,
        provides: vec![],
        uses: vec![],
        resources: vec![],
        grants: vec![],
        restart: Restart {
            policy: RestartPolicy::Always,
            max_restarts: 3,
            window_ms: 10_000,
            backoff_ms: 10,
            backoff_max_ms: 1000,
        },
        devices: vec![],
        files: vec![],
        mounts: vec![],
    }
}

/// A shell that may open one part of the first disk, another that may open all of it, and the process server.
pub fn system() -> System {
    let mut shell = component("shell");
    shell.devices = vec!["/dev/block/disk0/scratch".into()];
    let mut other = component("other");
    other.devices = vec!["/dev/block/disk0".into(), "/dev/block/disk1".into()];
    let mut process = component("process");
    process.grants = vec![Grant::Supervisor];
    let mut disk = component("disk");
    disk.provides = vec!["block".into()];
    let driver = Driver {
        component: disk,
        pci: vec![IdentityMatch { vendor: Some(0x1af4), device: Some(0x1042), class: None }],
        usb: vec![],
        path: "block/disk".into(),
        interrupts: 2,
        dma: true,
        configuration: vec![],
    };
    let components = vec![shell, other, process];
    let mut controller = component("can");
    controller.provides = vec!["can".into()];
    let by_line = Driver {
        component: controller,
        pci: vec![IdentityMatch { vendor: Some(0x10e8), device: None, class: None }],
        usb: vec![],
        path: "can/can".into(),
        interrupts: 1,
        dma: false,
        configuration: vec![
            ConfigurationRegister { offset: 0x60, bytes: 2 },
            ConfigurationRegister { offset: 0x48, bytes: 1 },
        ],
    };
    System { name: "test".into(), trace: false, processors: 1, components, drivers: vec![driver, by_line] }
}

fn bundle() -> Vec<u8> {
    let mut builder = Builder::new();
    let segment = SegmentImage {
        address: PROGRAM_BASE,
        memory_size: 0x1000,
        bytes: vec![0x90; 0x1000],
        writable: false,
        executable: true,
    };
    let program =
        ProgramImage { name: "program".into(), entry: PROGRAM_BASE, segments: vec![segment], symbols: vec![] };
    builder.program(program).unwrap();
    builder.build("program").unwrap()
}

/// Runs `test` with a manager over these functions that has not looked for any yet.
pub fn with_functions(
    functions: &[(BusAddress, ModelFunction)],
    system: &System,
    test: impl FnOnce(&mut Devices<'_>, &Model),
) {
    let bytes = bundle();
    let bundle = Bundle::parse(&bytes).unwrap();
    let mut kernel = MockKernel::new();
    kernel.processors = 2;
    let machine = kernel.object(ObjectKind::Machine);
    let authority = Authority {
        bundle: kernel.object(ObjectKind::Region),
        quota: kernel.object(ObjectKind::Quota),
        port: kernel.object(ObjectKind::Port),
        signal: kernel.object(ObjectKind::Signal),
        log: kernel.object(ObjectKind::Port),
        holes: [HOLE..HOLE + HOLE_LENGTH, HIGH_HOLE]
            .map(|hole| {
                (hole.clone(), kernel.region_device(machine, hole.start, (hole.end - hole.start) / 4096).unwrap())
            })
            .into(),
        ports: vec![(PORTS, kernel.io_ports_create(machine, PORTS.start as u16, PORTS.count() as u16).unwrap())],
        messages: MESSAGE_LINES.map(|line| kernel.irq_create(machine, line).unwrap()).collect(),
        // Somebody else has the first.
        lines: (17..24).map(|line| (line, kernel.irq_create(machine, line).unwrap())).collect(),
    };
    let pci = Pci {
        configuration: CONFIGURATION,
        buses: 0..=255,
        holes: authority.holes.iter().map(|(hole, _)| hole.clone()).collect(),
        ports: vec![PORTS],
        message_address: 0xfee0_0000,
    };
    let model = Model::default();
    model.world().functions = functions.iter().cloned().collect();
    let site = Site { bundle, bundle_bytes: &bytes, system, processors: 0b11 };
    test(&mut Manager::new(kernel, model.clone(), site, authority, pci), &model);
}

/// The usual machine: one disk on the first bus. The manager has found it.
pub fn with_disk(test: impl FnOnce(&mut Devices<'_>, &Model)) {
    let functions =
        [(at(0, 0, 0), ModelFunction::new(0x8086, 0x29c0, 0x06_0000)), (at(0, 2, 0), ModelFunction::disk(0xfeb0_0000))];
    with_functions(&functions, &system(), |manager, model| {
        assert_eq!(manager.rescan(), 2);
        test(manager, model);
    });
}

/// The number of the first driver.
pub const DRIVER: u64 = airox_api::device::FIRST_DRIVER as u64;

/// Memory that a driver hands over to be mapped.
pub fn memory(manager: &mut Devices<'_>, model: &Model, address: u64) -> Handle {
    let region = manager.kernel().object(ObjectKind::Region);
    model.world().memory.insert(region, address);
    region
}

/// Opens at once: the badge and rights of what comes.
pub fn open(manager: &mut Devices<'_>, badge: u64, path: &str) -> Result<Handle, DeviceError> {
    manager.open_device(badge, path, false, 0);
    let mut answers = manager.take_answers();
    assert_eq!(answers.len(), 1);
    answers.remove(0).1
}

/// The driver says that it serves a disk with two parts.
pub fn announce(manager: &mut Devices<'_>, number: u64) {
    manager.announced(number, "64 MiB", vec!["data".into(), "scratch".into()]).unwrap();
}

pub fn pass(manager: &mut Devices<'_>, nanoseconds: u64) {
    manager.kernel().clock += nanoseconds;
    manager.signalled(TIMER_BIT);
}

/// Delivers what the kernel would: ended processes.
pub fn deliver(manager: &mut Devices<'_>) {
    manager.signalled(!TIMER_BIT);
}

/// The interface `supervisor`.
pub fn supervisor<'m, 'a>(manager: &'m mut Devices<'a>) -> Requests<'m, Devices<'a>> {
    Requests(manager)
}

pub const CLIENT: Rights = Rights::SEND.union(Rights::COPY);
