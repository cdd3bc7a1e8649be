//! Events for clients that are slow, late, or another's.

use airox_api::input::{InputClient, InputDispatcher, KeyEvent};
use airox_api::testing::Loopback;
use airox_input_server::{DELAY_NS, Events, KEPT, PERIOD_NS, Repeat};

fn down(usage: u8) -> KeyEvent {
    KeyEvent { usage, pressed: true }
}

fn up(usage: u8) -> KeyEvent {
    KeyEvent { usage, pressed: false }
}

#[test]
fn keys_are_numbered_and_kept() {
    let mut events = Events::default();
    events.add([down(4), up(4)]);
    let server = Loopback::new(InputDispatcher(events), 1);
    let client = InputClient::new(&server);
    let now = client.next(u64::MAX).unwrap();
    assert_eq!((now.number, now.missed, now.events.len()), (2, false, 0));
    let all = client.next(0).unwrap();
    assert_eq!((all.number, all.missed, all.events), (2, false, vec![down(4), up(4)]));
    assert_eq!(client.next(1).unwrap().events, [up(4)]);
    // More than are kept; and a number of an instance that ended.
    server.dispatcher().0.add((0..KEPT as u8 + 9).map(down));
    let late = client.next(2).unwrap();
    assert_eq!((late.missed, late.events.len(), late.events.last()), (true, KEPT, Some(&down(KEPT as u8 + 8))));
    let other = client.next(9_999).unwrap();
    assert!(other.missed && other.number == 2 + KEPT as u64 + 9);
}

#[test]
fn the_key_pressed_last_repeats_until_it_is_released() {
    let mut repeat = Repeat::default();
    assert_eq!((repeat.deadline(), repeat.passed(u64::MAX)), (None, None));
    repeat.pressed(4, 100);
    repeat.pressed(5, 200);
    assert_eq!((repeat.deadline(), repeat.passed(199 + DELAY_NS)), (Some(200 + DELAY_NS), None));
    assert_eq!(repeat.passed(200 + DELAY_NS), Some(down(5)));
    assert_eq!(repeat.deadline(), Some(200 + DELAY_NS + PERIOD_NS));
    repeat.keep(|usage| usage == 5);
    // Late, and only once.
    assert_eq!((repeat.passed(9 * DELAY_NS), repeat.deadline()), (Some(down(5)), Some(9 * DELAY_NS)));
    repeat.keep(|usage| usage == 4);
    assert_eq!(repeat.deadline(), None);
    repeat.pressed(6, u64::MAX);
    assert_eq!(repeat.passed(u64::MAX), Some(down(6)));
}
