//! `serial`.

use crate::fakes::Session;

#[test]
fn lines_are_sent_and_received() {
    let mut session = Session::new();
    assert_eq!(session.line("serial send /dev/serial/port0 hello  you"), "");
    assert_eq!(session.line("serial send /dev/serial/port0 again"), "");
    // The fake sends back what it gets.
    assert_eq!(session.line("serial read /dev/serial/port0"), "hello you\n");
    assert_eq!(session.line("serial read /dev/serial/port0 3"), "aga\n");
    assert_eq!(session.line("serial read /dev/serial/port0 100"), "in\n");
    assert_eq!(session.line("serial read /dev/serial/port0"), "");
    session.world().on_line.extend([0xff, 1, 10]);
    assert!(session.line("serial read /dev/serial/port0").starts_with("00000  ff 01 0a"));
    assert_eq!(session.line("serial read /dev/serial/port1"), "serial: no such device\n");
}

#[test]
fn what_a_person_gets_wrong_is_told() {
    let mut session = Session::new();
    assert!(session.line("serial eat").starts_with("serial: nothing is known of `eat`"));
    assert!(session.line("serial send /dev/serial/port0").starts_with("serial: an argument is missing"));
    assert!(session.line("serial read").starts_with("serial: an argument is missing"));
    for count in ["0", "4097"] {
        assert!(
            session.line(&alloc::format!("serial read /dev/serial/port0 {count}")).starts_with("serial: 1 to 4096")
        );
    }
    assert!(session.line("serial read /dev/serial/port0 x").starts_with("serial: `x` is not"));
}
