//! The process server's logic against a model of the kernel and of init.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use airox_abi::fault::FaultKind;
use airox_abi::layout::PROGRAM_BASE;
use airox_abi::trace::Event;
use airox_abi::{DELEGATED, Handle, ObjectKind, Rights};
use airox_api::files::FileGrant;
use airox_api::process::{
    Budget, BudgetUse, ExitStatus, HandleEntry, Kind, Memory, NotAdmitted, ProcessEntry, ProcessError, State, Terms,
};
use airox_bundle::Bundle;
use airox_bundle::system::{
    self, ALL_PROCESSORS, Component, ComponentKind, OnOverrun, Restart, RestartPolicy, System, Time, Use,
};
use airox_bundle::write::{Builder, ProgramImage, SegmentImage};
use airox_process::FIRST_PROGRAM;
use airox_process::server::Server;
use airox_process::site::{Authority, Init, Keeper, Site};
use airox_process::table::MAX_PROGRAMS;
use airox_spawn::mock::MockKernel;

/// Init: two components and itself; remembers what it was asked.
#[derive(Clone, Default)]
struct Requests(Rc<RefCell<Asked>>);

#[derive(Default)]
struct Asked {
    wards: BTreeMap<u32, String>,
    asked: Vec<String>,
    files: BTreeMap<u32, String>,
    refuses: bool,
}

impl Requests {
    fn note(&self, text: String) -> Result<(), ProcessError> {
        self.0.borrow_mut().asked.push(text);
        Ok(())
    }

    fn wards(&self) -> usize {
        self.0.borrow().wards.len()
    }
}

fn entry(id: u32, name: &str) -> ProcessEntry {
    ProcessEntry {
        id,
        name: name.into(),
        state: State::Receiving,
        priority: 200,
        cpu_ns: 0,
        memory_bytes: 0,
        handles: 0,
        threads: 1,
        restarts: 0,
        kind: Kind::Component,
        processor: Some(0),
        budget: None,
        number: None,
    }
}

/// The device manager keeps one driver.
fn known(of: Keeper, name: &str) -> Result<(), ProcessError> {
    let known = of == Keeper::Init || ["disk0", "10001"].contains(&name);
    if known { Ok(()) } else { Err(ProcessError::UnknownProcess) }
}

impl Init for Requests {
    fn introduce(&mut self, id: u32, name: &str) -> Result<(), ProcessError> {
        let mut state = self.0.borrow_mut();
        if state.refuses {
            return Err(ProcessError::SupervisorDied);
        }
        state.wards.insert(id, name.into());
        Ok(())
    }

    fn admit(&mut self, id: u32, files: &[FileGrant]) -> Result<Option<Handle>, ProcessError> {
        let files: Vec<String> = files.iter().map(ToString::to_string).collect();
        self.0.borrow_mut().files.insert(id, files.join(" "));
        Ok(None)
    }

    fn release(&mut self, id: u32) {
        self.0.borrow_mut().wards.remove(&id);
    }

    fn list(&mut self, cursor: u32) -> Result<Vec<ProcessEntry>, ProcessError> {
        let all = [entry(1, "log"), entry(2, "shell"), entry(3, "arm"), entry(0, "init")];
        Ok(all[cursor as usize..].to_vec())
    }

    fn drivers(&mut self) -> Vec<ProcessEntry> {
        vec![entry(10_001, "disk0")]
    }

    fn handles(&mut self, of: Keeper, name: &str, cursor: u32) -> Result<Vec<HandleEntry>, ProcessError> {
        known(of, name)?;
        self.note(format!("handles {name} {cursor}"))?;
        Ok(vec![])
    }

    fn kill(&mut self, of: Keeper, name: &str) -> Result<(), ProcessError> {
        known(of, name)?;
        self.note(format!("kill {name}"))
    }

    fn restart(&mut self, of: Keeper, name: &str) -> Result<(), ProcessError> {
        known(of, name)?;
        self.note(format!("restart {name}"))
    }

    fn memory(&mut self) -> Result<Memory, ProcessError> {
        Err(ProcessError::SupervisorDied)
    }
}

fn bundle() -> Vec<u8> {
    let mut builder = Builder::new();
    for name in ["init", "shell", "echo", "sort"] {
        builder
            .program(ProgramImage {
                name: name.into(),
                entry: PROGRAM_BASE,
                segments: vec![SegmentImage {
                    address: PROGRAM_BASE,
                    memory_size: 0x1000,
                    bytes: vec![0x90; 0x1000],
                    writable: false,
                    executable: true,
                }],
                symbols: vec![],
            })
            .unwrap();
    }
    builder.build("init").unwrap()
}

type Tested<'a> = Server<'a, MockKernel, Requests, &'static str>;

fn component(name: &str, priority: u8, time: Time) -> Component {
    Component {
        name: name.into(),
        program: name.into(),
        kind: ComponentKind::Service,
        arguments: vec![],
        priority,
        max_priority: priority,
        stack: 0,
        heap: 0,
        limits: [0; 10],
        time,
        processors: ALL_PROCESSORS,
        provides: vec![],
        uses: vec![],
        mounts: vec![],
        files: vec![],
        resources: vec![],
        grants: vec![],
        restart: Restart {
            policy: RestartPolicy::Never,
            max_restarts: 0,
            window_ms: 0,
            backoff_ms: 0,
            backoff_max_ms: 0,
        },
        devices: vec![],
    }
}

fn budget(time_us: u32, period_us: u32) -> Option<system::Budget> {
    let on_overrun = OnOverrun::Wait;
    Some(system::Budget { time_us, period_us, on_overrun })
}

/// The log serves everybody; the arm has 4 ms for 1 ms of work; a shell without a budget; programs may have 30 % of the processor.
fn system() -> System {
    let mut log =
        component("log", 200, Time { budget: budget(1_000, 10_000), longest_call_us: Some(100), ..Time::default() });
    log.provides = vec!["log".into()];
    let mut shell = component("shell", 100, Time { for_programs: 300_000, ..Time::default() });
    shell.provides = vec!["process".into()];
    shell.max_priority = 199;
    shell.uses = vec![Use { interface: "log".into(), provider: "log".into() }];
    let arm =
        component("arm", 170, Time { budget: budget(1_000, 10_000), deadline_us: Some(4_000), ..Time::default() });
    System { name: "test".into(), trace: false, processors: 1, components: vec![log, shell, arm], drivers: vec![] }
}

/// No special terms.
const USUAL: Terms = Terms { priority: None, budget: None, processor: None, deadline_ns: None, calls_per_job: None };

/// A budget in microseconds and a priority.
fn terms(priority: u8, time_us: u64, period_us: u64) -> Terms {
    Terms {
        priority: Some(priority),
        budget: Some(Budget { time_ns: time_us * 1_000, period_ns: period_us * 1_000 }),
        ..USUAL
    }
}

fn with_server(test: impl FnOnce(&mut Tested<'_>, &Requests, Authority)) {
    with_system(&system(), 1, test);
}

fn with_system(system: &System, processors: u32, test: impl FnOnce(&mut Tested<'_>, &Requests, Authority)) {
    let bytes = bundle();
    let mut kernel = MockKernel::new();
    kernel.processors = processors;
    let authority = Authority {
        bundle: kernel.object(ObjectKind::Region),
        quota: kernel.object(ObjectKind::Quota),
        port: kernel.object(ObjectKind::Port),
        signal: kernel.object(ObjectKind::Signal),
        log: kernel.object(ObjectKind::Port),
        clock: kernel.object(ObjectKind::Port),
        machine: kernel.object(ObjectKind::Machine),
    };
    let site = Site::new(Bundle::parse(&bytes).unwrap(), &bytes, system.clone(), (1 << processors) - 1);
    let requests = Requests::default();
    let mut server = Server::new(kernel, requests.clone(), site, authority);
    test(&mut server, &requests, authority);
}

/// What the kernel would tell.
fn deliver(server: &mut Tested<'_>, authority: &Authority) {
    let bits = server.kernel().take_bits(authority.signal);
    server.signalled(bits);
}

const CLIENT: Rights = Rights::SEND.union(Rights::COPY);

#[test]
fn a_program_gets_console_log_and_clock_and_nothing_else() {
    with_server(|server, requests, _| {
        let console = server.kernel().object(ObjectKind::Port);
        let id = server.run("echo", &["hello"], &USUAL, &[], Some(console)).unwrap();
        assert_eq!(id, FIRST_PROGRAM);
        let badge = u64::from(id);
        assert_eq!(
            server.kernel().granted("echo"),
            [
                (ObjectKind::Port, CLIENT, badge),
                (ObjectKind::Port, CLIENT, badge),
                (ObjectKind::Port, CLIENT, badge),
                (ObjectKind::Port, CLIENT, DELEGATED),
                (ObjectKind::Port, CLIENT, DELEGATED),
            ]
        );
        assert_eq!(requests.0.borrow().wards[&id], "echo");
        let names: Vec<String> = server.handles("echo", 0).unwrap().into_iter().map(|entry| entry.name).collect();
        assert_eq!(names, ["supervisor", "fault", "log", "clock", "console"]);
        server.run("sort", &[], &USUAL, &[], None).unwrap();
        assert_eq!(server.kernel().granted("sort").len(), 4);
    });
}

#[test]
fn only_programs_of_nobody_else_can_be_run() {
    with_server(|server, _, _| {
        assert_eq!(server.programs().collect::<Vec<_>>(), ["echo", "sort"]);
        for name in ["init", "shell", "log", "gone", "", "echo "] {
            assert_eq!(server.run(name, &[], &USUAL, &[], None), Err(ProcessError::UnknownProgram), "{name}");
        }
    });
}

#[test]
fn waiters_learn_how_it_ended() {
    with_server(|server, requests, authority| {
        let before = server.kernel().counts();
        let exits = server.run("echo", &[], &USUAL, &[], None).unwrap();
        server.wait(exits, "one");
        server.wait(exits, "two");
        assert!(server.take_answers().is_empty());
        server.kernel().exit("echo", -7);
        deliver(server, &authority);
        assert_eq!(server.take_answers(), [("one", Ok(ExitStatus::Exited(-7))), ("two", Ok(ExitStatus::Exited(-7)))]);
        // Asked again after the end.
        server.wait(exits, "late");
        assert_eq!(server.take_answers(), [("late", Ok(ExitStatus::Exited(-7)))]);

        let faults = server.run("echo", &[], &USUAL, &[], None).unwrap();
        server.wait(faults, "fault");
        server.faulted(u64::from(faults), FaultKind::Divide as u16, &[0; 8]);
        assert_eq!(server.take_answers(), [("fault", Ok(ExitStatus::Faulted))]);
        // The end that the kernel tells now is old news.
        deliver(server, &authority);

        let killed = server.run("sort", &[], &USUAL, &[], None).unwrap();
        server.wait(killed, "kill");
        server.kill("sort").unwrap();
        assert_eq!(server.take_answers(), [("kill", Ok(ExitStatus::Killed))]);
        assert_eq!(server.kill("sort"), Err(ProcessError::UnknownProcess));

        server.wait(9999, "nobody");
        assert_eq!(server.take_answers(), [("nobody", Err(ProcessError::UnknownProcess))]);
        assert_eq!(server.kernel().counts(), before);
        assert_eq!(requests.wards(), 0);
    });
}

#[test]
fn numbers_and_names_find_components_and_programs() {
    with_server(|server, requests, _| {
        let id = server.run("echo", &[], &USUAL, &[], None).unwrap();
        server.kill("log").unwrap();
        server.kill("2").unwrap();
        server.kill("disk0").unwrap();
        server.kill("10001").unwrap();
        server.restart("shell").unwrap();
        server.handles("1", 5).unwrap();
        assert_eq!(
            requests.0.borrow().asked,
            ["kill log", "kill shell", "kill disk0", "kill 10001", "restart shell", "handles log 5"]
        );
        for unknown in ["4", "1000", "1002", "-1", "", "99999999999"] {
            assert_eq!(server.kill(unknown), Err(ProcessError::UnknownProcess), "{unknown}");
        }
        for root in ["0", "init"] {
            assert_eq!(server.kill(root), Err(ProcessError::RootTask));
            assert_eq!(server.restart(root), Err(ProcessError::RootTask));
            assert_eq!(server.handles(root, 0), Err(ProcessError::RootTask));
        }
        assert_eq!(server.restart(&id.to_string()), Err(ProcessError::NotRestartable));
        server.kill(&id.to_string()).unwrap();
    });
}

#[test]
fn the_list_is_inits_the_device_managers_and_then_the_programs() {
    with_server(|server, _, _| {
        server.run("echo", &[], &USUAL, &[], None).unwrap();
        server.run("sort", &[], &USUAL, &[], None).unwrap();
        let mut names = Vec::new();
        loop {
            let part = server.list(names.len() as u32).unwrap();
            if part.is_empty() {
                break;
            }
            names.extend(part.into_iter().map(|entry| entry.name));
        }
        assert_eq!(names, ["log", "shell", "arm", "init", "disk0", "echo", "sort"]);
        assert!(server.list(u32::MAX).unwrap().is_empty());
    });
}

#[test]
fn whatever_fails_nothing_is_left() {
    with_server(|server, requests, _| {
        let before = server.kernel().counts();
        let mut failures = 0;
        for failing_after in 0.. {
            server.kernel().failing_after = Some(failing_after);
            let result = server.run("echo", &[], &USUAL, &[], None);
            server.kernel().failing_after = None;
            if result.is_ok() {
                break;
            }
            failures += 1;
            assert_eq!(result, Err(ProcessError::OutOfQuota));
            assert_eq!(server.kernel().counts(), before, "{failing_after}");
        }
        assert!(failures > 10);
        server.kill("echo").unwrap();
        // Init does not take it: then it does not run.
        requests.0.borrow_mut().refuses = true;
        assert_eq!(server.run("echo", &[], &USUAL, &[], None), Err(ProcessError::SupervisorDied));
        assert_eq!(server.kernel().counts(), before);
    });
}

#[test]
fn there_is_a_limit_to_programs_and_arguments() {
    with_server(|server, requests, _| {
        let long = "x".repeat(100_000);
        assert_eq!(server.run("echo", &[&long], &USUAL, &[], None), Err(ProcessError::ArgumentsTooLong));
        for _ in 0..MAX_PROGRAMS {
            server.run("echo", &[], &USUAL, &[], None).unwrap();
        }
        assert_eq!(server.run("echo", &[], &USUAL, &[], None), Err(ProcessError::TooManyPrograms));
        assert_eq!(requests.wards(), MAX_PROGRAMS);
    });
}

#[test]
fn messages_with_wild_badges_are_ignored() {
    with_server(|server, _, _| {
        server.run("echo", &[], &USUAL, &[], None).unwrap();
        for badge in [0, 1, 1000, 1002, u64::MAX] {
            server.faulted(badge, 1, &[u64::MAX; 8]);
            server.panicked(badge, "x", "y", 1);
        }
        server.signalled(u64::MAX);
        assert!(server.kernel().process("echo").is_some());
    });
}

#[test]
fn a_program_with_a_budget_runs_on_it_and_gives_it_back() {
    with_server(|server, _, _| {
        let before = server.kernel().counts();
        let id = server.run("echo", &[], &terms(165, 1_000, 20_000), &[], None).unwrap();
        let process = server.kernel().process("echo").unwrap();
        assert_eq!(process.budget, Some((1_000_000, 20_000_000)));
        assert_eq!(process.max_priority, 165);
        let entries = server.list(5).unwrap();
        let wanted = BudgetUse { time_ns: 1_000_000, period_ns: 20_000_000, overruns: 0 };
        assert_eq!((entries[0].id, entries[0].budget), (id, Some(wanted)));
        server.kill("echo").unwrap();
        assert_eq!(server.kernel().counts(), before);
    });
}

#[test]
fn what_would_break_a_deadline_is_not_admitted() {
    with_server(|server, _, _| {
        let mut refused = |terms: Terms| match server.run("echo", &[], &terms, &[], None) {
            Err(ProcessError::NotAdmitted(why)) => why,
            other => panic!("{other:?}"),
        };
        let without_budget = Terms { priority: Some(41), ..USUAL };
        assert_eq!(refused(without_budget), NotAdmitted::NeedsBudget(40));
        // The log, which it calls, has 200, and the process server may give 199.
        let wanted = terms(200, 100, 20_000);
        assert_eq!(refused(wanted), NotAdmitted::Priority(199));
        assert_eq!(refused(terms(170, 0, 0)), NotAdmitted::BadBudget);
        let mut wanted = terms(170, 100, 20_000);
        wanted.deadline_ns = Some(20_000_001);
        assert_eq!(refused(wanted), NotAdmitted::BadDeadline);
        let wanted = terms(50, 7_000, 20_000);
        let overload = NotAdmitted::Overload { processor: 0, wanted: 350_000, limit: 300_000 };
        assert_eq!(refused(wanted), overload);
        // The arm: 1 ms of its own, 1 ms for init, 1 ms for the log; a program has 1 ms left at most.
        let late = NotAdmitted::Late { name: "arm".into(), response_ns: 4_100_000, deadline_ns: 4_000_000 };
        assert_eq!(refused(terms(180, 1_100, 20_000)), late);
        // Below the arm it may have more, but not in time for itself.
        let mut wanted = terms(165, 2_000, 20_000);
        wanted.deadline_ns = Some(4_000_000);
        let late = NotAdmitted::Late { name: "echo".into(), response_ns: 5_000_000, deadline_ns: 4_000_000 };
        assert_eq!(refused(wanted), late);
        // The shell has no budget and is above.
        let mut wanted = terms(99, 100, 20_000);
        wanted.deadline_ns = Some(20_000_000);
        let unbounded = NotAdmitted::Unbounded { name: "echo".into(), by: "shell".into() };
        assert_eq!(refused(wanted), unbounded);
    });
}

#[test]
fn a_program_runs_on_the_processor_it_was_given() {
    let mut system = system();
    for component in &mut system.components {
        component.processors = 1;
    }
    system.components[1].processors = ALL_PROCESSORS;
    // The shell calls nobody whom the arm could wait for.
    system.components[1].uses.clear();
    with_system(&system, 3, |server, _, _| {
        let place = |server: &mut Tested<'_>, name: &str| {
            let process = server.kernel().process(name).unwrap();
            (process.processors, process.budget, process.budget_processor)
        };
        let third = Terms { processor: Some(2), ..USUAL };
        server.run("echo", &[], &third, &[], None).unwrap();
        assert_eq!(place(server, "echo"), (Some(0b100), None, 0));
        assert_eq!(server.list(5).unwrap()[0].processor, Some(2));
        server.kill("echo").unwrap();
        server.run("echo", &[], &USUAL, &[], None).unwrap();
        assert_eq!(place(server, "echo").0, Some(0b111));
        server.kill("echo").unwrap();
        // A fifth of one processor and a fifth of another are less than the 30 % of each; twice a fifth of one is more.
        let fifth = |processor| Terms { processor: Some(processor), ..terms(50, 4_000, 20_000) };
        server.run("echo", &[], &fifth(2), &[], None).unwrap();
        assert_eq!(place(server, "echo"), (Some(0b100), Some((4_000_000, 20_000_000)), 2));
        server.run("sort", &[], &fifth(1), &[], None).unwrap();
        let overload = NotAdmitted::Overload { processor: 2, wanted: 400_000, limit: 300_000 };
        assert_eq!(server.run("echo", &[], &fifth(2), &[], None), Err(ProcessError::NotAdmitted(overload)));
        for wanted in [3, 64, u32::MAX] {
            let refused = server.run("echo", &[], &Terms { processor: Some(wanted), ..USUAL }, &[], None);
            let why = NotAdmitted::NoProcessor { wanted, allowed: 0b111 };
            assert_eq!(why.to_string(), format!("programs cannot run on processor {wanted}; they can on 0, 1, 2"));
            assert_eq!(refused, Err(ProcessError::NotAdmitted(why)));
        }
    });
}

#[test]
fn a_deadline_far_from_its_servers_needs_to_know_its_calls() {
    let mut system = system();
    system.components[0].processors = 1;
    system.components[2].processors = 1;
    with_system(&system, 2, |server, _, _| {
        let far = Terms { processor: Some(1), deadline_ns: Some(20_000_000), ..terms(165, 1_000, 20_000) };
        let why = NotAdmitted::UnknownCalls { name: "echo".into() };
        assert_eq!(server.run("echo", &[], &far, &[], None), Err(ProcessError::NotAdmitted(why)));
        server.run("echo", &[], &Terms { calls_per_job: Some(3), ..far }, &[], None).unwrap();
    });
}

#[test]
fn programs_that_run_count_until_they_end() {
    with_server(|server, _, _| {
        let half = terms(180, 500, 20_000);
        server.run("echo", &[], &half, &[], None).unwrap();
        server.run("sort", &[], &half, &[], None).unwrap();
        let third = server.run("sort", &[], &half, &[], None);
        assert!(matches!(third, Err(ProcessError::NotAdmitted(NotAdmitted::Late { .. }))));
        // Who asks for nothing is always welcome.
        server.run("sort", &[], &USUAL, &[], None).unwrap();
        server.kill("echo").unwrap();
        server.run("sort", &[], &half, &[], None).unwrap();
    });
}

#[test]
fn the_trace_is_read_in_pieces() {
    with_server(|server, _, _| {
        let event = |ticks| Event { ticks, ..Event::default() };
        // Ten were overwritten between the first 70 and the others.
        server.kernel().trace = (5..75).chain(85..90).map(|number| (number, event(number))).collect();
        let mut read = |sequence, capacity| {
            let mut told = vec![];
            let traced = server.trace(0, sequence, capacity, |place, events| {
                assert_eq!(place, told.len());
                told.extend(events.iter().map(|event| event.ticks));
                Ok(())
            });
            traced.map(|traced| (traced.first, traced.count, told))
        };
        assert_eq!(read(0, 100), Ok((5, 70, (5..75).collect())));
        assert_eq!(read(0, 66), Ok((5, 66, (5..71).collect())));
        assert_eq!(read(0, 0), Ok((5, 0, vec![])));
        assert_eq!(read(80, 10), Ok((85, 5, (85..90).collect())));
        assert_eq!(read(90, 10), Ok((90, 0, vec![])));
        let failing = server.trace(0, 0, 10, |_, _| Err(airox_abi::Error::LeaseDenied));
        assert_eq!(failing, Err(ProcessError::Kernel(airox_abi::Error::LeaseDenied as u32)));
        let nowhere = server.trace(1, 0, 10, |_, _| Ok(()));
        assert_eq!(nowhere, Err(ProcessError::Kernel(airox_abi::Error::NoSuchResource as u32)));
    });
}
