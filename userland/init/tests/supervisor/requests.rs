//! Who may ask init for what.

use crate::support::{MS, pass, system, with_supervisor};
use airox_api::Caller;
use airox_api::process::{Kind, State as ProcessState};
use airox_api::supervisor::{Supervisor as Api, SupervisorError};
use airox_init::requests::{FIRST_WARD, MAX_WARDS, Refusal};

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
        assert_eq!(supervisor.release(3, FIRST_WARD + 1), Err(Refusal::BadBadge));
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
            assert_eq!(supervisor.restart(caller, "log"), Err(Refusal::NotPermitted));
            let caller = Caller { badge: caller };
            assert_eq!(Api::list(supervisor, caller, 0), Err(SupervisorError::NotAllowed));
            assert_eq!(Api::memory(supervisor, caller), Err(SupervisorError::NotAllowed));
            assert_eq!(Api::handles(supervisor, caller, "log", 0), Err(SupervisorError::NotAllowed));
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
        let told: Vec<_> = list.iter().map(|entry| (entry.id, entry.name.as_str(), entry.state, entry.kind)).collect();
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
        assert_eq!(names, ["supervisor", "fault", "log", "bundle", "quota", "kernel-info", "log-admin"]);
        assert_eq!(Api::handles(supervisor, caller, "uart", 0), Err(SupervisorError::NotRunning));
    });
}
