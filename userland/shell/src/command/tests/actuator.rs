//! `actuator`.

use crate::fakes::Session;

#[test]
fn actuators_are_listed_and_read() {
    let mut session = Session::new();
    let list = session.line("actuator list");
    assert!(list.contains("servos0   servo0   -1 to 1  made") && list.contains("servo1"), "{list}");
    let text = session.line("actuator read servos0");
    assert!(text.contains("servo0     0.5") && text.contains("servo1       -"), "{text}");
}

#[test]
fn channels_are_set_and_let_go() {
    let mut session = Session::new();
    assert_eq!(session.line("actuator set servos0 servo1 -0.25; actuator set servos0 0 1"), "");
    assert_eq!(session.line("actuator stop servos0 1; actuator stop servos0"), "");
    let wanted = [(1, Some(-0.25)), (0, Some(1.0)), (1, None), (0, None), (1, None)];
    assert_eq!(session.world().commands, wanted);
}

#[test]
fn what_a_person_gets_wrong_is_told() {
    let mut session = Session::new();
    assert!(session.line("actuator").starts_with("actuator: what is to be done"));
    assert!(session.line("actuator eat").starts_with("actuator: nothing is known of `eat`"));
    assert!(session.line("actuator set servos0 0").starts_with("actuator: an argument is missing"));
    assert!(session.line("actuator set servos0 0 far").starts_with("actuator: `far` is not a value"));
    assert_eq!(session.line("actuator set servos0 2 0"), "actuator: 2: no such channel\n");
    assert_eq!(session.line("actuator stop wheels"), "actuator: no such actuator\n");
    assert!(session.world().commands.is_empty());
}
