//! What the kernel's trace tells a person: what each processor did ([`Activity`]), and why a program's thread ran as late as it did ([`latest_wake`]).

use airox_abi::trace::{Event, EventKind};
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Process of the kernel's own threads.
const KERNEL: u32 = 0;
/// Most events that are told of one wake-up.
const MOST_TOLD: usize = 24;

/// Events of one processor, as a service hands them over.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Piece {
    /// How many had been recorded before the first of these.
    pub first: u64,
    /// In the order of their times.
    pub events: Vec<Event>,
}

/// What happened, and the thread, line or process it happened to.
fn parts(event: &Event) -> (Option<EventKind>, u32) {
    (EventKind::from_code((event.kind_a >> 24).into()), event.kind_a & 0xff_ffff)
}

/// Whether this is a processor's idle thread. The kernel's own threads are the first two of each processor: one idles, the other ends processes.
const fn idles(thread: u32, process: u32) -> bool {
    process == KERNEL && thread.is_multiple_of(2)
}

/// What one processor did during some time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    /// The ticks that are told of.
    pub span: u64,
    /// Those in which a thread ran.
    pub busy: u64,
    /// Switches from one thread to another.
    pub switches: u64,
    /// Calls of servers.
    pub calls: u64,
    /// Interrupts, of devices and timers.
    pub interrupts: u64,
    /// Faults.
    pub faults: u64,
    /// How often each process, by the kernel's number, was switched to.
    pub runs: BTreeMap<u32, u64>,
    /// How many events had been overwritten before they could be read: then the time told of is the end of what was asked for.
    pub lost: u64,
}

/// Follows a processor's events.
#[derive(Clone, Debug)]
pub struct Follower {
    /// How many have been read or lost.
    next: u64,
    /// Since when nothing is missing.
    since: u64,
    /// Whether a thread runs, as far as is known.
    runs: bool,
    last: u64,
    activity: Activity,
}

impl Follower {
    /// Begins behind these events, the last so far.
    #[must_use]
    pub fn new(before: &Piece, now: u64) -> Follower {
        let switch = before.events.iter().rev().find(|event| parts(event).0 == Some(EventKind::Switch));
        Follower {
            next: before.first.saturating_add(before.events.len() as u64),
            since: now,
            runs: switch.is_some_and(|event| !idles(parts(event).1, event.b)),
            last: now,
            activity: Activity::default(),
        }
    }

    /// The number of the first event to be read.
    #[must_use]
    pub const fn next(&self) -> u64 {
        self.next
    }

    /// Takes the next events.
    pub fn take(&mut self, piece: &Piece) {
        let lost = piece.first.saturating_sub(self.next);
        if let (1.., Some(first)) = (lost, piece.events.first()) {
            let lost = self.activity.lost + lost;
            // What is known begins here.
            (self.since, self.last) = (first.ticks, first.ticks);
            self.activity = Activity { lost, ..Activity::default() };
        }
        self.next = piece.first.saturating_add(piece.events.len() as u64);
        for event in &piece.events {
            let activity = &mut self.activity;
            match parts(event) {
                (Some(EventKind::Switch), thread) => {
                    activity.switches += 1;
                    *activity.runs.entry(event.b).or_default() += 1;
                    if self.runs {
                        activity.busy += event.ticks.saturating_sub(self.last);
                    }
                    (self.runs, self.last) = (!idles(thread, event.b), event.ticks);
                }
                (Some(EventKind::Call), _) => activity.calls += 1,
                (Some(EventKind::Irq | EventKind::Timer), _) => activity.interrupts += 1,
                (Some(EventKind::Fault), _) => activity.faults += 1,
                _ => {}
            }
        }
    }

    /// What the processor did until now; what comes counts for the next time.
    pub fn finish(&mut self, now: u64) -> Activity {
        let mut activity = core::mem::take(&mut self.activity);
        if self.runs {
            activity.busy += now.saturating_sub(self.last);
        }
        activity.span = now.saturating_sub(self.since);
        (self.since, self.last) = (now, now);
        activity
    }
}

/// The wake-up by a timer after which a process's thread ran latest, among those in a processor's events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wake {
    /// Ticks from when the timer was due until the thread ran.
    pub late: u64,
    /// How many wake-ups by a timer there were.
    pub of: usize,
    /// What happened in between: ticks since the timer was due, and a sentence.
    pub story: Vec<(u64, String)>,
}

/// Looks for the latest wake-up of a process, by the kernel's number. `names` tells a process's name.
#[must_use]
pub fn latest_wake(events: &[Event], process: u32, names: &dyn Fn(u32) -> String) -> Option<Wake> {
    let mut owners = BTreeMap::new();
    for event in events {
        if let (Some(EventKind::Switch), thread) = parts(event) {
            owners.insert(thread, event.b);
        }
    }
    // When the last timer was due; and the same of the one that woke the process.
    let (mut timer, mut woken): (Option<u64>, Option<u64>) = (None, None);
    let mut latest: Option<(u64, u64, usize)> = None;
    let mut count = 0;
    for (index, event) in events.iter().enumerate() {
        match parts(event) {
            (Some(EventKind::Timer), _) => timer = Some(event.c),
            (Some(EventKind::Wake), _) if owners.get(&event.b) == Some(&process) => woken = woken.or(timer),
            (Some(EventKind::Switch), _) => {
                // A thread that nobody keeps waiting is switched to without being told to wake.
                let switched = timer.take();
                if event.b != process {
                    continue;
                }
                let Some(due) = woken.take().or(switched).filter(|due| *due <= event.ticks) else { continue };
                count += 1;
                let late = event.ticks - due;
                if latest.is_none_or(|(most, ..)| late > most) {
                    latest = Some((late, due, index));
                }
            }
            _ => {}
        }
    }
    let (late, due, last) = latest?;
    let first = events[..=last].iter().rposition(|event| event.ticks < due).map_or(0, |before| before + 1);
    let mut story = alloc::vec![(0, String::from("the timer is due"))];
    let between = &events[first..=last];
    let left_out = (between.len() + 1).saturating_sub(MOST_TOLD);
    for (place, event) in between.iter().enumerate() {
        let kept = between.len() - left_out;
        match place.checked_sub(kept / 2) {
            Some(0) if left_out > 0 => story.push((event.ticks - due, format!("... and {left_out} more events"))),
            Some(skipped) if skipped < left_out => {}
            _ => story.push((event.ticks - due, sentence(event, &owners, names))),
        }
    }
    Some(Wake { late, of: count, story })
}

fn sentence(event: &Event, owners: &BTreeMap<u32, u32>, names: &dyn Fn(u32) -> String) -> String {
    let who = |thread: u32| match owners.get(&thread) {
        Some(&process) if idles(thread, process) => String::from("nobody"),
        Some(&process) if process == KERNEL => String::from("the kernel"),
        Some(&process) => names(process),
        None => format!("thread {thread}"),
    };
    let (kind, a) = parts(event);
    match kind {
        Some(EventKind::Switch) => format!("{} runs", who(a)),
        Some(EventKind::Call) => format!("a call of {} arrives", who(a)),
        Some(EventKind::Reply) => format!("{} answers {}", who(a), who(event.b)),
        Some(EventKind::Signal) => format!("a signal, while {} runs", who(a)),
        Some(EventKind::Irq) => format!("interrupt line {a}"),
        Some(EventKind::Fault) => format!("{} faults", who(a)),
        Some(EventKind::Exit) => String::from("a process ends"),
        Some(EventKind::Budget) => format!("{} has no time left", who(a)),
        Some(EventKind::Timer) => String::from("timer interrupt"),
        Some(EventKind::Wake) => format!("{} can run", who(event.b)),
        None => String::from("an event of an unknown kind"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use EventKind::{Call, Fault, Irq, Reply, Switch, Timer, Wake as CanRun};
    use alloc::string::ToString;

    fn event(ticks: u64, kind: EventKind, a: u32, b: u32) -> Event {
        Event { ticks, kind_a: (kind as u32) << 24 | a, b, c: 0, d: 0 }
    }

    fn timer(ticks: u64, due: u64) -> Event {
        Event { c: due, ..event(ticks, Timer, 0, 0) }
    }

    #[test]
    fn a_processors_time_is_told_apart() {
        let before = Piece { first: 8, events: alloc::vec![event(900, Switch, 9, 5), event(950, Irq, 4, 0)] };
        let mut follower = Follower::new(&before, 1_000);
        let events = [
            event(1_200, Switch, 0, 0),
            event(1_300, Irq, 4, 0),
            event(1_310, Switch, 9, 5),
            event(1_320, Call, 9, 1),
            event(1_330, Switch, 1, 0),
            event(1_340, Fault, 9, 0),
            event(1_400, Switch, 2, 0),
        ];
        follower.take(&Piece { first: 10, events: events.to_vec() });
        assert_eq!(follower.next(), 17);
        let activity = follower.finish(2_000);
        let runs = BTreeMap::from([(0, 3), (5, 1)]);
        let expected =
            Activity { span: 1_000, busy: 290, switches: 4, calls: 1, interrupts: 1, faults: 1, runs, lost: 0 };
        assert_eq!(activity, expected);
        // It idles on.
        assert_eq!(follower.finish(2_500), Activity { span: 500, ..Activity::default() });
        follower.take(&Piece { first: 17, events: alloc::vec![event(2_600, Switch, 9, 5)] });
        assert_eq!(follower.finish(3_000).busy, 400);
    }

    #[test]
    fn what_was_overwritten_is_not_counted() {
        let mut follower = Follower::new(&Piece::default(), 0);
        follower.take(&Piece { first: 0, events: alloc::vec![event(10, Switch, 9, 5)] });
        follower.take(&Piece { first: 100, events: alloc::vec![event(500, Switch, 0, 0), event(600, Switch, 9, 5)] });
        let activity = follower.finish(700);
        assert_eq!((activity.span, activity.busy, activity.switches, activity.lost), (200, 100, 2, 99));
        // None at all is no gap.
        follower.take(&Piece { first: 102, events: Vec::new() });
        assert_eq!(follower.finish(800).lost, 0);
    }

    fn names(process: u32) -> String {
        ["kernel", "log", "latency"].get(process as usize).map_or("?".to_string(), ToString::to_string)
    }

    #[test]
    fn the_latest_wake_up_is_told_with_what_came_before() {
        let events = [
            timer(105, 100),
            event(110, Switch, 8, 2),
            event(120, Switch, 0, 0),
            event(190, Irq, 4, 0),
            event(195, Switch, 7, 1),
            timer(205, 200),
            event(206, CanRun, 7, 8),
            event(230, Reply, 7, 8),
            event(240, Switch, 8, 2),
            event(250, Switch, 0, 0),
            timer(305, 300),
            event(310, Switch, 8, 2),
        ];
        let wake = latest_wake(&events, 2, &names).unwrap();
        assert_eq!((wake.late, wake.of), (40, 3));
        let story: Vec<(u64, &str)> = wake.story.iter().map(|(ticks, text)| (*ticks, text.as_str())).collect();
        assert_eq!(
            story,
            [
                (0, "the timer is due"),
                (5, "timer interrupt"),
                (6, "latency can run"),
                (30, "log answers latency"),
                (40, "latency runs")
            ]
        );
        assert_eq!(latest_wake(&events, 1, &names), None);
        assert_eq!(latest_wake(&[], 2, &names), None);
    }

    #[test]
    fn a_long_story_is_cut_in_the_middle() {
        let mut events = alloc::vec![timer(100, 99)];
        events.extend((0..100).map(|n| event(101 + n, Irq, 4, 0)));
        events.push(event(300, Switch, 8, 2));
        let wake = latest_wake(&events, 2, &names).unwrap();
        assert_eq!(wake.story.len(), MOST_TOLD + 1);
        assert_eq!(wake.story[12].1, "... and 79 more events");
        assert_eq!(wake.story.last(), Some(&(201, "latency runs".to_string())));
        assert_eq!(wake.story[1].1, "timer interrupt");
    }

    #[test]
    fn nothing_in_a_ring_is_trusted() {
        // Times that go back, kinds that do not exist, threads nobody knows.
        let strange = Event { kind_a: u32::MAX, ticks: 3, ..Event::default() };
        let events = [timer(5, u64::MAX), event(2, Switch, 8, 2), timer(9, 1), strange, event(8, Switch, 8, 2)];
        assert!(latest_wake(&events, 2, &names).is_some_and(|wake| wake.late == 7));
        let mut follower = Follower::new(&Piece { first: u64::MAX, events: Vec::new() }, u64::MAX);
        follower.take(&Piece { first: 0, events: events.to_vec() });
        assert_eq!(follower.finish(0).span, 0);
    }
}
