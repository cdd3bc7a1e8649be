//! A small system over a model of the kernel.

use std::cell::RefCell;
use std::rc::Rc;

use airox_abi::root::Framebuffer;
use airox_abi::{Handle, ObjectKind, Rights};
use airox_bundle::Bundle;
use airox_bundle::system::{
    Budget, Component, ComponentKind, FileGrant, Grant, OnOverrun, Resource, Restart, RestartPolicy, System, Time, Use,
};
use airox_bundle::write::{Builder, ProgramImage, SegmentImage};
use airox_init::component::State;
use airox_init::house::Authority;
use airox_init::journal::{Journal, Severity};
use airox_init::plan::plan;
use airox_init::resources::Firmware;
use airox_init::supervisor::{Supervisor, TIMER_BIT};
use airox_power::{PhysicalRead, Unreadable};
use airox_spawn::mock::MockKernel;

pub const MS: u64 = 1_000_000;
pub const BASE: u64 = airox_abi::layout::PROGRAM_BASE;

/// Remembers what was said.
#[derive(Clone, Default)]
pub struct Notes(Rc<RefCell<Vec<String>>>);

impl Notes {
    pub fn push(&self, text: String) {
        self.0.borrow_mut().push(text);
    }

    pub fn has(&self, text: &str) -> bool {
        self.0.borrow().iter().any(|line| line.contains(text))
    }

    pub fn count(&self, text: &str) -> usize {
        self.0.borrow().iter().filter(|line| line.contains(text)).count()
    }
}

impl Journal for Notes {
    fn say(&mut self, _severity: Severity, text: &str) {
        self.push(text.into());
    }

    fn log_started(&mut self, _port: Handle) {
        self.push("<log started>".into());
    }

    fn log_ended(&mut self) {
        self.push("<log ended>".into());
    }

    fn name(&mut self, badge: u64, name: &str) {
        self.push(format!("<{badge} is {name}>"));
    }

    fn forget(&mut self, badge: u64) {
        self.push(format!("<{badge} is gone>"));
    }

    fn files_started(&mut self, _port: Handle) {
        self.push("<files started>".into());
    }

    fn files_ended(&mut self) {
        self.push("<files ended>".into());
    }

    fn admit(&mut self, badge: u64, files: &[FileGrant]) {
        let files: Vec<String> = files.iter().map(ToString::to_string).collect();
        self.push(format!("<{badge} may use {}>", files.join(" ")));
    }

    fn release(&mut self, badge: u64) {
        self.push(format!("<{badge} uses no files>"));
    }
}

pub struct NoTables;

impl PhysicalRead for NoTables {
    fn read(&self, _address: u64, _buffer: &mut [u8]) -> Result<(), Unreadable> {
        Err(Unreadable)
    }
}

pub fn component(name: &str) -> Component {
    Component {
        name: name.into(),
        program: "program".into(),
        kind: ComponentKind::Service,
        arguments: vec![],
        priority: 20,
        max_priority: 20,
        stack: 0x4000,
        heap: 0x1_0000,
        limits: [64; 10],
        time: Time::default(),
        processors: 1,
        provides: vec![],
        uses: vec![],
        mounts: vec![],
        files: vec![],
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
    }
}

/// log <- uart <- process, and an app that runs once.
pub fn system() -> System {
    let uses = |interface: &str, provider: &str| Use { interface: interface.into(), provider: provider.into() };
    let mut log = component("log");
    log.provides = vec!["log".into()];
    log.time.passive = true;
    let mut uart = component("uart");
    uart.time.weight = 300;
    uart.time.budget = Some(Budget { time_us: 2_000, period_us: 10_000, on_overrun: OnOverrun::Wait });
    uart.provides = vec!["console".into()];
    uart.uses = vec![uses("log", "log")];
    uart.resources = vec![
        Resource::IoPorts { name: "uart".into(), first: 0x3f8, count: 8 },
        Resource::Irq { name: "uart".into(), line: 4 },
    ];
    let mut process = component("process");
    process.uses = vec![uses("log", "log")];
    process.grants = vec![Grant::Bundle, Grant::KernelInfo, Grant::Supervisor, Grant::LogAdmin];
    let mut once = component("once");
    once.uses = vec![uses("console", "uart")];
    once.resources = vec![Resource::Mmio { name: "rom".into(), address: 0xf_0000, pages: 1, writable: false }];
    once.restart.policy = RestartPolicy::Never;
    System {
        name: "test".into(),
        trace: false,
        processors: 1,
        components: vec![log, uart, process, once],
        drivers: vec![],
    }
}

pub fn bundle() -> Vec<u8> {
    let mut builder = Builder::new();
    builder
        .program(ProgramImage {
            name: "program".into(),
            entry: BASE,
            segments: vec![SegmentImage {
                address: BASE,
                memory_size: 0x1000,
                bytes: vec![0x90; 0x1000],
                writable: false,
                executable: true,
            }],
            symbols: vec![],
        })
        .unwrap();
    builder.build("program").unwrap()
}

/// Runs `test` with a supervisor over this system, prepared but not started.
pub type Tested<'a> = Supervisor<'a, MockKernel, Notes>;

pub fn with_supervisor(system: &System, test: impl FnOnce(&mut Supervisor<'_, MockKernel, Notes>, &Notes)) {
    with_processors(system, 1, test);
}

pub fn with_processors(
    system: &System,
    processors: u32,
    test: impl FnOnce(&mut Supervisor<'_, MockKernel, Notes>, &Notes),
) {
    let bytes = bundle();
    let bundle = Bundle::parse(&bytes).unwrap();
    let plan = plan(system, &bundle).unwrap();
    let mut kernel = MockKernel::new();
    kernel.processors = processors;
    let machine = kernel.object(ObjectKind::Machine);
    let authority = Authority {
        bundle: kernel.object(ObjectKind::Region),
        quota: kernel.object(ObjectKind::Quota),
        own_process: kernel.running_process("init", 1).0,
        machine: kernel.object(ObjectKind::Machine),
        port: kernel.object(ObjectKind::Port),
        signal: kernel.object(ObjectKind::Signal),
    };
    let firmware = Firmware { rsdp: 0, framebuffer: Framebuffer::default(), memory: &NoTables };
    let notes = Notes::default();
    let journal = notes.clone();
    let mut supervisor = Supervisor::new(kernel, journal, bundle, &bytes, system, plan, authority);
    supervisor.prepare(machine, &firmware).unwrap();
    test(&mut supervisor, &notes);
}

/// Delivers what the kernel would: ended processes and the timer.
pub fn deliver(supervisor: &mut Supervisor<'_, MockKernel, Notes>) {
    let signal = supervisor.house().authority.signal;
    let bits = supervisor.kernel().take_bits(signal);
    supervisor.signalled(bits);
}

pub fn pass(supervisor: &mut Supervisor<'_, MockKernel, Notes>, nanoseconds: u64) {
    supervisor.kernel().clock += nanoseconds;
    supervisor.signalled(TIMER_BIT);
}

pub fn state(supervisor: &Supervisor<'_, MockKernel, Notes>, index: usize) -> State {
    supervisor.house().components[index].state
}

pub const CLIENT: Rights = Rights::SEND.union(Rights::COPY);
pub const SERVER: Rights = CLIENT.union(Rights::RECEIVE).union(Rights::BADGE);
