//! The process server's logic against a model of the kernel and of init.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use airox_abi::fault::FaultKind;
use airox_abi::layout::PROGRAM_BASE;
use airox_abi::{DELEGATED, ObjectKind, Rights};
use airox_api::process::{
    ExitStatus, HandleEntry, Kind, Memory, ProcessEntry, ProcessError, State,
};
use airox_bundle::Bundle;
use airox_bundle::write::{Builder, ProgramImage, SegmentImage};
use airox_process::FIRST_PROGRAM;
use airox_process::server::Server;
use airox_process::site::{Authority, Init, Site};
use airox_process::table::MAX_PROGRAMS;
use airox_spawn::mock::MockKernel;

/// Init: two components and itself; remembers what it was asked.
#[derive(Clone, Default)]
struct Requests(Rc<RefCell<Asked>>);

#[derive(Default)]
struct Asked {
    wards: BTreeMap<u32, String>,
    asked: Vec<String>,
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
    }
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

    fn release(&mut self, id: u32) {
        self.0.borrow_mut().wards.remove(&id);
    }

    fn list(&mut self, cursor: u32) -> Result<Vec<ProcessEntry>, ProcessError> {
        let all = [entry(1, "log"), entry(2, "shell"), entry(0, "init")];
        Ok(all[cursor as usize..].to_vec())
    }

    fn handles(&mut self, name: &str, cursor: u32) -> Result<Vec<HandleEntry>, ProcessError> {
        self.note(format!("handles {name} {cursor}"))?;
        Ok(vec![])
    }

    fn kill(&mut self, name: &str) -> Result<(), ProcessError> {
        self.note(format!("kill {name}"))
    }

    fn restart(&mut self, name: &str) -> Result<(), ProcessError> {
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

fn with_server(test: impl FnOnce(&mut Tested<'_>, &Requests, Authority)) {
    let bytes = bundle();
    let mut kernel = MockKernel::new();
    let authority = Authority {
        bundle: kernel.object(ObjectKind::Region),
        quota: kernel.object(ObjectKind::Quota),
        port: kernel.object(ObjectKind::Port),
        signal: kernel.object(ObjectKind::Signal),
        log: kernel.object(ObjectKind::Port),
        clock: kernel.object(ObjectKind::Port),
    };
    let site = Site {
        bundle: Bundle::parse(&bytes).unwrap(),
        bundle_bytes: &bytes,
        components: vec!["log".into(), "shell".into()],
        reserved: vec!["log".into(), "shell".into()],
    };
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
        let id = server.run("echo", &["hello"], Some(console)).unwrap();
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
        let names: Vec<String> = server
            .handles("echo", 0)
            .unwrap()
            .into_iter()
            .map(|entry| entry.name)
            .collect();
        assert_eq!(names, ["supervisor", "fault", "log", "clock", "console"]);
        server.run("sort", &[], None).unwrap();
        assert_eq!(server.kernel().granted("sort").len(), 4);
    });
}

#[test]
fn only_programs_of_nobody_else_can_be_run() {
    with_server(|server, _, _| {
        assert_eq!(server.programs().collect::<Vec<_>>(), ["echo", "sort"]);
        for name in ["init", "shell", "log", "gone", "", "echo "] {
            assert_eq!(
                server.run(name, &[], None),
                Err(ProcessError::UnknownProgram),
                "{name}"
            );
        }
    });
}

#[test]
fn waiters_learn_how_it_ended() {
    with_server(|server, requests, authority| {
        let before = server.kernel().counts();
        let exits = server.run("echo", &[], None).unwrap();
        server.wait(exits, "one");
        server.wait(exits, "two");
        assert!(server.take_answers().is_empty());
        server.kernel().exit("echo", -7);
        deliver(server, &authority);
        assert_eq!(
            server.take_answers(),
            [
                ("one", Ok(ExitStatus::Exited(-7))),
                ("two", Ok(ExitStatus::Exited(-7)))
            ]
        );
        // Asked again after the end.
        server.wait(exits, "late");
        assert_eq!(
            server.take_answers(),
            [("late", Ok(ExitStatus::Exited(-7)))]
        );

        let faults = server.run("echo", &[], None).unwrap();
        server.wait(faults, "fault");
        server.faulted(u64::from(faults), FaultKind::Divide as u16, &[0; 8]);
        assert_eq!(server.take_answers(), [("fault", Ok(ExitStatus::Faulted))]);
        // The end that the kernel tells now is old news.
        deliver(server, &authority);

        let killed = server.run("sort", &[], None).unwrap();
        server.wait(killed, "kill");
        server.kill("sort").unwrap();
        assert_eq!(server.take_answers(), [("kill", Ok(ExitStatus::Killed))]);
        assert_eq!(server.kill("sort"), Err(ProcessError::UnknownProcess));

        server.wait(9999, "nobody");
        assert_eq!(
            server.take_answers(),
            [("nobody", Err(ProcessError::UnknownProcess))]
        );
        assert_eq!(server.kernel().counts(), before);
        assert_eq!(requests.wards(), 0);
    });
}

#[test]
fn numbers_and_names_find_components_and_programs() {
    with_server(|server, requests, _| {
        let id = server.run("echo", &[], None).unwrap();
        server.kill("log").unwrap();
        server.kill("2").unwrap();
        server.restart("shell").unwrap();
        server.handles("1", 5).unwrap();
        assert_eq!(
            requests.0.borrow().asked,
            ["kill log", "kill shell", "restart shell", "handles log 5"]
        );
        for unknown in ["3", "1000", "1002", "-1", "", "99999999999"] {
            assert_eq!(
                server.kill(unknown),
                Err(ProcessError::UnknownProcess),
                "{unknown}"
            );
        }
        for root in ["0", "init"] {
            assert_eq!(server.kill(root), Err(ProcessError::RootTask));
            assert_eq!(server.restart(root), Err(ProcessError::RootTask));
            assert_eq!(server.handles(root, 0), Err(ProcessError::RootTask));
        }
        assert_eq!(
            server.restart(&id.to_string()),
            Err(ProcessError::NotRestartable)
        );
        server.kill(&id.to_string()).unwrap();
    });
}

#[test]
fn the_list_is_inits_and_then_the_programs() {
    with_server(|server, _, _| {
        server.run("echo", &[], None).unwrap();
        server.run("sort", &[], None).unwrap();
        let mut names = Vec::new();
        loop {
            let part = server.list(names.len() as u32).unwrap();
            if part.is_empty() {
                break;
            }
            names.extend(part.into_iter().map(|entry| entry.name));
        }
        assert_eq!(names, ["log", "shell", "init", "echo", "sort"]);
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
            let result = server.run("echo", &[], None);
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
        assert_eq!(
            server.run("echo", &[], None),
            Err(ProcessError::SupervisorDied)
        );
        assert_eq!(server.kernel().counts(), before);
    });
}

#[test]
fn there_is_a_limit_to_programs_and_arguments() {
    with_server(|server, requests, _| {
        let long = "x".repeat(100_000);
        assert_eq!(
            server.run("echo", &[&long], None),
            Err(ProcessError::ArgumentsTooLong)
        );
        for _ in 0..MAX_PROGRAMS {
            server.run("echo", &[], None).unwrap();
        }
        assert_eq!(
            server.run("echo", &[], None),
            Err(ProcessError::TooManyPrograms)
        );
        assert_eq!(requests.wards(), MAX_PROGRAMS);
    });
}

#[test]
fn messages_with_wild_badges_are_ignored() {
    with_server(|server, _, _| {
        server.run("echo", &[], None).unwrap();
        for badge in [0, 1, 1000, 1002, u64::MAX] {
            server.faulted(badge, 1, &[u64::MAX; 8]);
            server.panicked(badge, "x", "y", 1);
        }
        server.signalled(u64::MAX);
        assert!(server.kernel().process("echo").is_some());
    });
}
