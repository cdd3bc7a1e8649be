//! `display`.

use crate::fakes::Session;

const DISPLAY: &str = "/dev/display/display0";

fn shown(picture: &str) -> alloc::vec::Vec<[u8; 3]> {
    let mut session = Session::new();
    assert_eq!(session.line(&alloc::format!("display test {DISPLAY} {picture}")), "8 by 2 pixels\n");
    session.world().picture.clone()
}

#[test]
fn pictures_are_shown() {
    let bars = shown("bars");
    let on = 0xff;
    assert_eq!(bars[..4], [[on, on, on], [on, on, 0], [0, on, on], [0, on, 0]]);
    assert_eq!(bars[4..8], [[on, 0, on], [on, 0, 0], [0, 0, on], [0, 0, 0]]);
    assert_eq!(bars[..8], bars[8..]);
    let slope = shown("slope");
    assert_eq!((slope[0], slope[7], slope[8]), ([0, 0, 0x40], [224, 0, 0x40], [0, 128, 0x40]));
    let grid = shown("grid");
    assert_eq!((grid[0], grid[7], grid[8], grid[9]), ([on; 3], [on; 3], [on; 3], [0; 3]));
}

#[test]
fn what_a_person_gets_wrong_is_told() {
    let mut session = Session::new();
    assert!(session.line("display eat").starts_with("display: nothing is known of `eat`"));
    assert!(session.line("display test").starts_with("display: an argument is missing"));
    assert!(session.line("display test /dev/display/display0 cat").starts_with("display: `cat` is no picture"));
    assert_eq!(session.line("display test /dev/display/display1 bars"), "display: no such device\n");
}
