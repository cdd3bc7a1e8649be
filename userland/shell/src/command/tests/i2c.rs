//! `i2c`.

use crate::fakes::Session;

#[test]
fn devices_are_found_and_read() {
    let mut session = Session::new();
    assert_eq!(session.line("i2c scan /dev/i2c/bus0"), "50 51\n");
    let text = session.line("i2c read /dev/i2c/bus0 50");
    assert!(text.starts_with("00000  00 01 02 03") && text.lines().count() == 1, "{text}");
    let text = session.line("i2c read /dev/i2c/bus0 0x51 fe 2");
    assert!(text.starts_with("000fe  fe ff "), "{text}");
    assert!(session.line("i2c read /dev/i2c/bus0 50 41").starts_with("00041  41 "));
    assert_eq!(session.line("i2c read /dev/i2c/bus0 52"), "i2c: no device acknowledges\n");
    assert_eq!(session.line("i2c scan /dev/i2c/bus1"), "i2c: no such device\n");
}

#[test]
fn what_a_person_gets_wrong_is_told() {
    let mut session = Session::new();
    assert!(session.line("i2c").starts_with("i2c: what is to be done"));
    assert!(session.line("i2c eat").starts_with("i2c: nothing is known of `eat`"));
    assert!(session.line("i2c read /dev/i2c/bus0").starts_with("i2c: an argument is missing"));
    assert!(session.line("i2c read /dev/i2c/bus0 100").starts_with("i2c: `100` is no hexadecimal byte"));
    assert!(session.line("i2c read /dev/i2c/bus0 50 ff 2").starts_with("i2c: there are 256"));
    assert!(session.line("i2c read /dev/i2c/bus0 50 0 x").starts_with("i2c: `x` is not"));
    assert!(session.line("i2c list x").starts_with("i2c: an argument is missing"));
}
