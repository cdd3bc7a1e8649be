//! Init's supervisor against a model of the kernel: what components get, how they end, that nothing leaks.

use std::cell::RefCell;
use std::rc::Rc;

use airox_abi::fault::FaultKind;
use airox_abi::root::Framebuffer;
use airox_abi::{Handle, ObjectKind, Rights};
use airox_api::Caller;
use airox_api::process::{Kind, State as ProcessState};
use airox_api::supervisor::{Supervisor as Api, SupervisorError};
use airox_bundle::Bundle;
use airox_bundle::system::{
    Component, ComponentKind, Grant, Resource, Restart, RestartPolicy, System, Use,
};
use airox_bundle::write::{Builder, ProgramImage, SegmentImage};
use airox_init::component::State;
use airox_init::house::Authority;
use airox_init::journal::{Journal, Severity};
use airox_init::plan::{PlanError, plan};
use airox_init::requests::{FIRST_WARD, MAX_WARDS, Refusal};
use airox_init::resources::Firmware;
use airox_init::supervisor::{Supervisor, TIMER_BIT};
use airox_power::{PhysicalRead, Unreadable};
use airox_spawn::mock::MockKernel;

const MS: u64 = 1_000_000;
const BASE: u64 = airox_abi::layout::PROGRAM_BASE;

/// Remembers what was said.
#[derive(Clone, Default)]
struct Notes(Rc<RefCell<Vec<String>>>);

impl Notes {
    fn push(&self, text: String) {
        self.0.borrow_mut().push(text);
    }

    fn has(&self, text: &str) -> bool {
        self.0.borrow().iter().any(|line| line.contains(text))
    }

    fn count(&self, text: &str) -> usize {
        self.0
            .borrow()
            .iter()
            .filter(|line| line.contains(text))
            .count()
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
}

struct NoTables;

impl PhysicalRead for NoTables {
    fn read(&self, _address: u64, _buffer: &mut [u8]) -> Result<(), Unreadable> {
        Err(Unreadable)
    }
}

fn component(name: &str) -> Component {
    Component {
        name: name.into(),
        program: "program".into(),
        kind: ComponentKind::Service,
        arguments: vec![],
        priority: 20,
        max_priority: 20,
        stack: 0x4000,
        heap: 0x1_0000,
        limits: [64; 9],
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
    }
}

/// log <- uart <- process, and an app that runs once.
fn system() -> System {
    let uses = |interface: &str, provider: &str| Use {
        interface: interface.into(),
        provider: provider.into(),
    };
    let mut log = component("log");
    log.provides = vec!["log".into()];
    let mut uart = component("uart");
    uart.provides = vec!["console".into()];
    uart.uses = vec![uses("log", "log")];
    uart.resources = vec![
        Resource::IoPorts {
            name: "uart".into(),
            first: 0x3f8,
            count: 8,
        },
        Resource::Irq {
            name: "uart".into(),
            line: 4,
        },
    ];
    let mut process = component("process");
    process.uses = vec![uses("log", "log")];
    process.grants = vec![
        Grant::Bundle,
        Grant::KernelInfo,
        Grant::Supervisor,
        Grant::LogAdmin,
    ];
    let mut once = component("once");
    once.uses = vec![uses("console", "uart")];
    once.resources = vec![Resource::Mmio {
        name: "rom".into(),
        address: 0xf_0000,
        pages: 1,
        writable: false,
    }];
    once.restart.policy = RestartPolicy::Never;
    System {
        name: "test".into(),
        trace: false,
        components: vec![log, uart, process, once],
    }
}

fn bundle() -> Vec<u8> {
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
fn with_supervisor(
    system: &System,
    test: impl FnOnce(&mut Supervisor<'_, MockKernel, Notes>, &Notes),
) {
    let bytes = bundle();
    let bundle = Bundle::parse(&bytes).unwrap();
    let plan = plan(system, &bundle).unwrap();
    let mut kernel = MockKernel::new();
    let machine = kernel.object(ObjectKind::Machine);
    let authority = Authority {
        bundle: kernel.object(ObjectKind::Region),
        quota: kernel.object(ObjectKind::Quota),
        own_process: kernel.running_process("init", 1).0,
        machine: kernel.object(ObjectKind::Machine),
        port: kernel.object(ObjectKind::Port),
        signal: kernel.object(ObjectKind::Signal),
    };
    let firmware = Firmware {
        rsdp: 0,
        framebuffer: Framebuffer::default(),
        memory: &NoTables,
    };
    let notes = Notes::default();
    let journal = notes.clone();
    let mut supervisor = Supervisor::new(kernel, journal, bundle, &bytes, system, plan, authority);
    supervisor.prepare(machine, &firmware).unwrap();
    test(&mut supervisor, &notes);
}

/// Delivers what the kernel would: ended processes and the timer.
fn deliver(supervisor: &mut Supervisor<'_, MockKernel, Notes>) {
    let signal = supervisor.house().authority.signal;
    let bits = supervisor.kernel().take_bits(signal);
    supervisor.signalled(bits);
}

fn pass(supervisor: &mut Supervisor<'_, MockKernel, Notes>, nanoseconds: u64) {
    supervisor.kernel().clock += nanoseconds;
    supervisor.signalled(TIMER_BIT);
}

fn state(supervisor: &Supervisor<'_, MockKernel, Notes>, index: usize) -> State {
    supervisor.house().components[index].state
}

const CLIENT: Rights = Rights::SEND.union(Rights::COPY);
const SERVER: Rights = CLIENT.union(Rights::RECEIVE).union(Rights::BADGE);

#[test]
fn every_component_gets_exactly_its_grants() {
    with_supervisor(&system(), |supervisor, notes| {
        supervisor.start_all();
        let kernel = supervisor.kernel();
        assert_eq!(
            kernel.granted("log"),
            [
                (ObjectKind::Port, CLIENT, 1),
                (ObjectKind::Port, CLIENT, 1),
                (ObjectKind::Port, SERVER, 0)
            ]
        );
        assert_eq!(
            kernel.granted("uart"),
            [
                (ObjectKind::Port, CLIENT, 2),
                (ObjectKind::Port, CLIENT, 2),
                (ObjectKind::Port, SERVER, 0),
                (ObjectKind::Port, CLIENT, 2),
                (ObjectKind::IoPorts, Rights::CONTROL, 0),
                (ObjectKind::Irq, Rights::CONTROL, 0),
            ]
        );
        assert_eq!(
            kernel.granted("process"),
            [
                (ObjectKind::Port, CLIENT, 3),
                (ObjectKind::Port, CLIENT, 3),
                (ObjectKind::Port, CLIENT, 3),
                (ObjectKind::Region, Rights::READ | Rights::EXECUTE, 0),
                (ObjectKind::Quota, Rights::READ | Rights::CONTROL, 0),
                (ObjectKind::Machine, Rights::READ, 0),
                (ObjectKind::Port, CLIENT | Rights::BADGE, 0),
            ]
        );
        // Mapped memory of a `writable = false` resource cannot be written.
        assert_eq!(
            kernel.granted("once").last(),
            Some(&(ObjectKind::Region, Rights::READ, 0))
        );
        assert!(notes.has("<log started>"));
        assert!(notes.has("<3 is process>"));
    });
}

#[test]
fn what_never_restarts_leaves_no_resource_behind() {
    with_supervisor(&system(), |supervisor, _| {
        supervisor.start_all();
        assert!(supervisor.house().components[3].owned.handles.is_empty());
        assert_eq!(supervisor.house().components[1].owned.handles.len(), 2);
        assert_eq!(supervisor.kernel().granted("once").len(), 4);
        assert_eq!(supervisor.restart(3, "once"), Err(Refusal::NotRestartable));
    });
}

#[test]
fn a_fault_is_reported_and_the_component_comes_back() {
    with_supervisor(&system(), |supervisor, notes| {
        supervisor.start_all();
        let before = supervisor.kernel().counts();
        supervisor.faulted(2, FaultKind::Write as u16, &[BASE, 0x10, 0, 0, 6, 0, 0, 0]);
        assert!(notes.has("`uart` faulted: write to inaccessible memory at address 0x10"));
        assert!(notes.has("`uart` faulted; it is restarted in 10 ms"));
        assert_eq!(state(supervisor, 1), State::Waiting { until: 10 * MS });
        assert!(supervisor.kernel().process("uart").is_none());
        // The end that the kernel tells now is old news.
        deliver(supervisor);
        pass(supervisor, 9 * MS);
        assert!(supervisor.kernel().process("uart").is_none());
        pass(supervisor, MS);
        assert_eq!(state(supervisor, 1), State::Running);
        assert!(supervisor.kernel().process("uart").is_some());
        assert_eq!(supervisor.kernel().counts(), before);
        assert_eq!(supervisor.house().components[1].restarts, 1);
    });
}

#[test]
fn ports_survive_a_restart_and_close_when_it_is_given_up() {
    with_supervisor(&system(), |supervisor, notes| {
        supervisor.start_all();
        let ports = supervisor.house().components[1].ports.clone();
        for _ in 0..3 {
            supervisor.kill(3, "uart").unwrap();
            assert_eq!(supervisor.house().components[1].ports, ports);
            pass(supervisor, 1000 * MS);
        }
        supervisor.kill(3, "uart").unwrap();
        assert!(notes.has("`uart` was killed; it is given up after 3 restarts in 10000 ms"));
        assert_eq!(state(supervisor, 1), State::Failed);
        let port = supervisor.house().components[1].ports[0];
        assert_eq!(port.server, None);
        assert!(!supervisor.kernel().is_valid(ports[0].server.unwrap()));
        assert!(supervisor.kernel().is_valid(port.clients));
        assert_eq!(supervisor.kill(3, "uart"), Err(Refusal::NotRunning));
        // By hand it comes back, with a new port.
        supervisor.restart(3, "uart").unwrap();
        assert_eq!(state(supervisor, 1), State::Running);
        assert_ne!(supervisor.house().components[1].ports, ports);
    });
}

#[test]
fn a_thousand_restarts_leave_nothing() {
    let mut system = system();
    for component in &mut system.components {
        component.restart.window_ms = 1;
    }
    with_supervisor(&system, |supervisor, _| {
        supervisor.start_all();
        let before = supervisor.kernel().counts();
        for round in 0..1000_u64 {
            let name = ["log", "uart", "process"][round as usize % 3];
            match round % 4 {
                0 => supervisor.kill(3, name).unwrap(),
                1 => supervisor.kernel().exit(name, 1),
                2 => supervisor.faulted(round % 3 + 1, FaultKind::Divide as u16, &[0; 8]),
                _ => supervisor.restart(3, name).unwrap(),
            }
            deliver(supervisor);
            pass(supervisor, 100 * MS);
            assert_eq!(supervisor.kernel().counts(), before, "round {round}");
        }
    });
}

#[test]
fn a_component_that_cannot_be_started_is_tried_again_and_nothing_leaks() {
    with_supervisor(&system(), |supervisor, notes| {
        supervisor.start_all();
        let before = supervisor.kernel().counts();
        for failing_after in 0..20 {
            supervisor.kill(3, "uart").unwrap();
            supervisor.kernel().failing_after = Some(failing_after);
            supervisor.kernel().clock += 100 * MS;
            supervisor.signalled(TIMER_BIT);
            supervisor.kernel().failing_after = None;
            pass(supervisor, 20_000 * MS);
            assert_eq!(state(supervisor, 1), State::Running, "{failing_after}");
            assert_eq!(supervisor.kernel().counts(), before, "{failing_after}");
            pass(supervisor, 20_000 * MS);
        }
        assert!(notes.has("`uart` could not be started: cannot carve its quota: quota exceeded"));
        assert!(notes.has("`uart` could not be started: cannot watch it: quota exceeded"));
    });
}

#[test]
fn exits_are_told_apart() {
    let mut system = system();
    system.components[1].restart.policy = RestartPolicy::OnFailure;
    with_supervisor(&system, |supervisor, notes| {
        supervisor.start_all();
        supervisor.panicked(2, "index out of bounds", "src/main.rs", 7);
        assert!(notes.has("`uart` panicked at src/main.rs:7: index out of bounds"));
        supervisor.kernel().exit("uart", 101);
        deliver(supervisor);
        assert!(notes.has("`uart` panicked; it is restarted"));
        pass(supervisor, 10 * MS);
        supervisor.kernel().exit("uart", 0);
        deliver(supervisor);
        assert!(notes.has("`uart` exited with code 0"));
        assert_eq!(state(supervisor, 1), State::Stopped);
        assert_eq!(supervisor.house().components[1].ports[0].server, None);
    });
}

#[test]
fn the_log_is_told_when_it_comes_and_goes() {
    with_supervisor(&system(), |supervisor, notes| {
        supervisor.start_all();
        for _ in 0..3 {
            supervisor.kill(3, "log").unwrap();
            pass(supervisor, 1000 * MS);
        }
        assert_eq!(notes.count("<log started>"), 4);
        assert_eq!(notes.count("<log ended>"), 0);
        supervisor.kill(3, "log").unwrap();
        assert_eq!(notes.count("<log ended>"), 1);
    });
}

#[test]
fn programs_are_named_until_their_maker_ends() {
    with_supervisor(&system(), |supervisor, notes| {
        supervisor.start_all();
        for (badge, name) in (FIRST_WARD..).zip(["echo", "sort", "sum"]) {
            supervisor.introduce(3, badge, name).unwrap();
        }
        assert!(notes.has("<1002 is sort>"));
        supervisor.release(3, FIRST_WARD + 1).unwrap();
        assert!(notes.has("<1002 is gone>"));
        assert_eq!(
            supervisor.release(3, FIRST_WARD + 1),
            Err(Refusal::BadBadge)
        );
        assert!(!notes.has("<1001 is gone>"));
        supervisor.kill(3, "process").unwrap();
        assert!(notes.has("<1001 is gone>") && notes.has("<1003 is gone>"));
        // Its successor can use the numbers again.
        pass(supervisor, 10 * MS);
        supervisor.introduce(3, FIRST_WARD, "echo").unwrap();
    });
}

#[test]
fn introductions_are_bounded() {
    with_supervisor(&system(), |supervisor, _| {
        supervisor.start_all();
        let mut introduce = |caller, badge| supervisor.introduce(caller, badge, "x");
        assert_eq!(introduce(2, FIRST_WARD), Err(Refusal::NotPermitted));
        assert_eq!(introduce(3, FIRST_WARD - 1), Err(Refusal::BadBadge));
        for badge in FIRST_WARD..FIRST_WARD + MAX_WARDS as u64 {
            assert_eq!(introduce(3, badge), Ok(()));
        }
        assert_eq!(introduce(3, FIRST_WARD), Err(Refusal::BadBadge));
        assert_eq!(introduce(3, FIRST_WARD + 9999), Err(Refusal::TooMany));
    });
}

#[test]
fn only_who_was_granted_it_controls_others() {
    with_supervisor(&system(), |supervisor, _| {
        supervisor.start_all();
        for caller in [0, 1, 2, 4, 5, 1001, u64::MAX] {
            assert_eq!(supervisor.kill(caller, "log"), Err(Refusal::NotPermitted));
            assert_eq!(
                supervisor.restart(caller, "log"),
                Err(Refusal::NotPermitted)
            );
            let caller = Caller { badge: caller };
            assert_eq!(
                Api::list(supervisor, caller, 0),
                Err(SupervisorError::NotAllowed)
            );
            assert_eq!(
                Api::memory(supervisor, caller),
                Err(SupervisorError::NotAllowed)
            );
            assert_eq!(
                Api::handles(supervisor, caller, "log", 0),
                Err(SupervisorError::NotAllowed)
            );
        }
        assert_eq!(supervisor.kill(3, "nobody"), Err(Refusal::UnknownComponent));
    });
}

#[test]
fn the_list_tells_about_every_component_and_init() {
    with_supervisor(&system(), |supervisor, _| {
        supervisor.start_all();
        supervisor.kill(3, "uart").unwrap();
        let caller = Caller { badge: 3 };
        let list = Api::list(supervisor, caller, 0).unwrap();
        let told: Vec<_> = list
            .iter()
            .map(|entry| (entry.id, entry.name.as_str(), entry.state, entry.kind))
            .collect();
        assert_eq!(
            told,
            [
                (1, "log", ProcessState::Receiving, Kind::Component),
                (2, "uart", ProcessState::Restarting, Kind::Component),
                (3, "process", ProcessState::Receiving, Kind::Component),
                (4, "once", ProcessState::Receiving, Kind::Component),
                (0, "program", ProcessState::Receiving, Kind::Root),
            ]
        );
        assert_eq!(Api::list(supervisor, caller, 4).unwrap().len(), 1);
        assert!(Api::list(supervisor, caller, u32::MAX).unwrap().is_empty());
        let handles = Api::handles(supervisor, caller, "process", 0).unwrap();
        let names: Vec<_> = handles.iter().map(|entry| entry.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "supervisor",
                "fault",
                "log",
                "bundle",
                "quota",
                "kernel-info",
                "log-admin"
            ]
        );
        assert_eq!(
            Api::handles(supervisor, caller, "uart", 0),
            Err(SupervisorError::NotRunning)
        );
    });
}

#[test]
fn messages_with_wild_badges_are_ignored() {
    with_supervisor(&system(), |supervisor, notes| {
        supervisor.start_all();
        let before = supervisor.kernel().counts();
        for badge in [0, 5, 1001, u64::MAX] {
            supervisor.faulted(badge, 1, &[u64::MAX; 8]);
            supervisor.panicked(badge, "x", "y", 1);
        }
        assert!(!notes.has("faulted") && !notes.has("panicked"));
        supervisor.signalled(u64::MAX);
        assert_eq!(supervisor.kernel().counts(), before);
    });
}

#[test]
fn a_component_without_its_resource_does_not_stop_the_others() {
    let mut system = system();
    system.components[1].resources = vec![Resource::Framebuffer {
        name: "screen".into(),
    }];
    with_supervisor(&system, |supervisor, notes| {
        supervisor.start_all();
        assert!(notes.has("`uart` cannot run on this machine: there is no frame buffer"));
        assert_eq!(state(supervisor, 1), State::Failed);
        assert_eq!(state(supervisor, 2), State::Running);
        // Its clients start too: their calls are answered with `ServerDied`.
        assert_eq!(state(supervisor, 3), State::Running);
    });
}

#[test]
fn wrong_systems_are_refused() {
    let bytes = bundle();
    let bundle = Bundle::parse(&bytes).unwrap();
    let refuse = |change: &dyn Fn(&mut System)| {
        let mut system = system();
        change(&mut system);
        plan(&system, &bundle).unwrap_err()
    };
    assert_eq!(
        refuse(&|system| system.components.clear()),
        PlanError::Empty
    );
    assert_eq!(
        refuse(&|system| system.components.resize(1001, component("x"))),
        PlanError::TooMany(1001)
    );
    assert_eq!(
        refuse(&|system| system.components[1].name = "log".into()),
        PlanError::DuplicateName("log".into())
    );
    let text = refuse(&|system| system.components[1].program = "gone".into()).to_string();
    assert_eq!(
        text,
        "the bundle has no program `gone` for component `uart`"
    );
    let text = refuse(&|system| system.components[3].uses[0].interface = "disk".into()).to_string();
    assert_eq!(text, "`once` uses `disk`, which `uart` does not provide");
    let text = refuse(&|system| system.components.swap(0, 1)).to_string();
    assert_eq!(text, "`log` is to start after its client `uart`");
    let text = refuse(&|system| {
        let process = system.components.remove(2);
        system.components = vec![process];
        system.components[0].uses.clear();
    })
    .to_string();
    assert_eq!(
        text,
        "`process` is to administer the log, but nobody provides one"
    );
}
