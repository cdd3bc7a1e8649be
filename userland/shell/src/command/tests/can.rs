//! `can`.

use crate::fakes::Session;
use crate::services::can::{CanFault, CanFrame, CanState, Event, Frame, News, StandardId};
use alloc::vec;

const BUS: &str = "/dev/can/bus0";

fn frame(number: u32, data: &[u8]) -> CanFrame {
    CanFrame::with(number, number > 0x7ff, data).unwrap()
}

#[test]
fn frames_are_sent_as_they_are_written() {
    let mut session = Session::new();
    assert_eq!(session.line("can send /dev/can/bus0 123#0a0B 1abcdef0# 7ff#R4"), "");
    let remote = CanFrame::new_remote(StandardId::MAX, 4).unwrap();
    assert_eq!(session.world().can_sent, [frame(0x123, &[10, 11]), frame(0x1abc_def0, &[]), remote]);
    // One that is no frame keeps all from being sent.
    for bad in ["123", "800#", "123#1", "123#0g", "+12#00", "123#001122334455667788", "123#R9", "ffffffff#", "1#+1"] {
        let text = session.line(&alloc::format!("can send {BUS} 1#00 {bad}"));
        assert!(text.starts_with(&alloc::format!("can: `{bad}` is no frame")), "{text}");
    }
    assert_eq!(session.world().can_sent.len(), 3);
    assert_eq!(session.line("can send /dev/can/bus9 1#"), "can: no such device\n");
}

#[test]
fn status_is_told() {
    let mut session = Session::new();
    let text = session.line("can status /dev/can/bus0");
    assert!(text.contains("made") && text.contains("bus-off") && text.contains("overruns"), "{text}");
    assert_eq!(session.line("can recover /dev/can/bus0"), "");
    assert!(session.world().can_recovered);
}

#[test]
fn what_comes_is_shown_with_what_is_missing() {
    let mut session = Session::new();
    let news = |first, events| Some(News { first, events });
    session.world().can_news.extend([
        news(5, vec![]),
        news(5, vec![(1_500_000_000, Event::Frame(frame(0x12, &[1, 0xff]))), (2, Event::State(CanState::Passive))]),
        news(9, vec![(3, Event::Fault(CanFault::Overrun))]),
        None,
        news(1, vec![(4, Event::Frame(frame(0x1000_0000, &[])))]),
    ]);
    let text = session.typed("can watch /dev/can/bus0\r");
    let wanted = "1.500000 012#01FF\n0.000000 -- passive --\n-- 2 events missed --\n0.000000 -- frames were lost --\n\
                  -- the driver was started anew --\n0.000000 10000000#\n^C\n";
    assert!(text.ends_with(wanted), "{text}");
    assert_eq!(session.world().can_after, [u64::MAX, 4, 6, 9, 9, 1]);
}

#[test]
fn what_came_lately_is_shown_without_waiting() {
    let mut session = Session::new();
    let frame = (0, Event::Frame(frame(1, &[])));
    let news = |first, events| Some(News { first, events });
    session.world().can_news.extend([news(9, vec![]), news(7, vec![frame]), news(8, vec![frame])]);
    assert_eq!(session.line("can show /dev/can/bus0 3"), "0.000000 001#\n0.000000 001#\n");
    assert_eq!(session.world().can_after, [u64::MAX, 5, 7]);
    session.world().can_news.extend([news(1, vec![])]);
    assert_eq!(session.line("can show /dev/can/bus0"), "");
    // A driver that was started anew has none of them.
    session.world().can_news.extend([news(9, vec![]), news(1, vec![])]);
    assert_eq!(session.line("can show /dev/can/bus0"), "");
}

#[test]
fn so_many_are_shown_as_are_wanted() {
    let mut session = Session::new();
    let both = vec![(0, Event::State(CanState::Active)), (0, Event::State(CanState::Warning))];
    session.world().can_news.extend([Some(News { first: 1, events: vec![] }), Some(News { first: 1, events: both })]);
    assert_eq!(session.line("can watch /dev/can/bus0 1"), "0.000000 -- active --\n");
}

#[test]
fn what_a_person_gets_wrong_is_told() {
    let mut session = Session::new();
    assert!(session.line("can").starts_with("can: what is to be done"));
    assert!(session.line("can eat").starts_with("can: nothing is known of `eat`"));
    for bad in ["can list x", "can status", "can send /dev/can/bus0", "can watch", "can recover a b"] {
        assert!(session.line(bad).starts_with("can: an argument is missing"), "{bad}");
    }
    assert!(session.line("can watch /dev/can/bus0 many").starts_with("can: `many` is not"));
}
