//! What components get, how they end and come back, and that nothing leaks.

use crate::support::{
    BASE, CLIENT, MS, SERVER, Tested, deliver, pass, state, system, with_processors, with_supervisor,
};
use airox_abi::fault::FaultKind;
use airox_abi::{ObjectKind, QuotaKind, Rights};
use airox_bundle::system::{ALL_PROCESSORS, Resource, RestartPolicy};
use airox_init::component::State;
use airox_init::requests::Refusal;
use airox_init::supervisor::TIMER_BIT;

#[test]
fn every_component_gets_exactly_its_grants() {
    with_supervisor(&system(), |supervisor, notes| {
        supervisor.start_all();
        let kernel = supervisor.kernel();
        assert_eq!(
            kernel.granted("log"),
            [(ObjectKind::Port, CLIENT, 1), (ObjectKind::Port, CLIENT, 1), (ObjectKind::Port, SERVER, 0)]
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
                (ObjectKind::Budget, Rights::READ, 0),
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
        assert_eq!(kernel.granted("once").last(), Some(&(ObjectKind::Region, Rights::READ, 0)));
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
fn a_component_gets_its_time_and_a_restart_gives_a_fresh_budget() {
    with_supervisor(&system(), |supervisor, _| {
        supervisor.start_all();
        let time = |supervisor: &mut Tested<'_>, name: &str| {
            let process = supervisor.kernel().process(name).unwrap();
            (process.budget, process.passive, process.weight)
        };
        assert_eq!(time(supervisor, "log"), (None, true, 0));
        let budget = Some((2 * MS, 10 * MS));
        assert_eq!(time(supervisor, "uart"), (budget, false, 300));
        assert_eq!(time(supervisor, "process"), (None, false, 0));
        let instance = |supervisor: &Tested<'_>| {
            let instance = supervisor.house().components[1].instance.as_ref();
            instance.unwrap().budget.unwrap()
        };
        let first = instance(supervisor);
        supervisor.kill(3, "uart").unwrap();
        assert!(!supervisor.kernel().is_valid(first));
        pass(supervisor, 100 * MS);
        assert_eq!(time(supervisor, "uart"), (budget, false, 300));
        assert_ne!(instance(supervisor), first);
    });
}

#[test]
fn a_component_runs_where_it_is_to_or_not_at_all() {
    let mut system = system();
    system.processors = 4;
    system.components[0].processors = 0b1111;
    system.components[1].processors = 0b110;
    system.components[2].processors = ALL_PROCESSORS;
    system.components[2].time.for_programs = 100_000;
    system.components[3].processors = 0b1000;
    system.components[3].restart.policy = RestartPolicy::Always;
    with_processors(&system, 3, |supervisor, notes| {
        supervisor.start_all();
        assert!(notes.has("made for 4 processors, and the machine has 3"));
        assert!(notes.has("`once` cannot run on this machine: it is to run on processor 3, and there are 3"));
        assert_eq!(state(supervisor, 3), State::Failed);
        assert_eq!(supervisor.restart(3, "once"), Err(Refusal::NotRestartable));
        assert!(supervisor.kernel().process("once").is_none());
        let mut place = |name: &str| {
            let process = supervisor.kernel().process(name).unwrap();
            (process.processors, process.budget_processor)
        };
        // What is there of those it may use.
        assert_eq!(place("log"), (Some(0b111), 0));
        assert_eq!(place("uart"), (Some(0b110), 1));
        assert_eq!(place("process"), (Some(0b111), 0));
        // It may give a tenth of each to programs.
        assert_eq!(supervisor.house().limits(2).get(QuotaKind::Time), 64 + 300_000);
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
        for failing_after in 0..24 {
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
    system.components[1].resources = vec![Resource::Framebuffer { name: "screen".into() }];
    with_supervisor(&system, |supervisor, notes| {
        supervisor.start_all();
        assert!(notes.has("`uart` cannot run on this machine: there is no frame buffer"));
        assert_eq!(state(supervisor, 1), State::Failed);
        assert_eq!(state(supervisor, 2), State::Running);
        // Its clients start too: their calls are answered with `ServerDied`.
        assert_eq!(state(supervisor, 3), State::Running);
    });
}
