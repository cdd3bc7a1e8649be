//! A snapshot as tables for people.

use std::collections::BTreeMap;
use std::fmt::Write;

use airox_abi::QuotaKind;
use airox_abi::fault::FaultKind;
use airox_abi::info::{ProcessInfo, ThreadState};
use airox_abi::message::Tag;
use airox_abi::trace::{Event, EventKind};
use airox_api::interface_by_id;

use super::snapshot::Snapshot;

const NONE: u32 = u32::MAX;
const KIB_PER_FRAME: u64 = 4;

/// The last call of each thread, interface and method: replies do not say what they answer.
#[derive(Default)]
pub struct Calls(BTreeMap<u32, (u64, u16)>);

/// A snapshot with its names looked up.
pub struct View<'a> {
    snapshot: &'a Snapshot,
    processes: BTreeMap<u32, String>,
    /// The process of each thread.
    owners: BTreeMap<u32, u32>,
    /// The label of each port.
    labels: BTreeMap<u32, u64>,
}

impl<'a> View<'a> {
    pub fn new(snapshot: &'a Snapshot) -> View<'a> {
        View {
            snapshot,
            processes: snapshot.processes.iter().map(|process| (process.number, name(process))).collect(),
            owners: snapshot.threads.iter().map(|thread| (thread.info.number, thread.info.process)).collect(),
            labels: snapshot.ports.iter().map(|port| (port.number, port.label)).collect(),
        }
    }

    /// How many processors there are.
    fn processors(&self) -> u64 {
        self.snapshot.header.kernel.processors.max(1)
    }

    /// Whether a thread is the idle thread of a processor. The kernel's own are the first, two for each: one idles, the other ends processes.
    pub fn idles(&self, thread: u32) -> bool {
        self.is_kernels(thread) && thread.is_multiple_of(2)
    }

    fn is_kernels(&self, thread: u32) -> bool {
        u64::from(thread) < 2 * self.processors()
    }

    /// Time, memory, and how full the kernel's tables are.
    pub fn machine(&self) -> String {
        let header = &self.snapshot.header;
        let kernel = &header.kernel;
        let uptime = self.milliseconds(header.ticks.saturating_sub(header.base_ticks));
        let idle = self.milliseconds(kernel.idle_ticks);
        let mut text = format!(
            "up {:.3} s, {} processors idle {:.0} %; {} of {} KiB of memory used\n\
             {} context switches, {} system calls (without the fast path), {} interrupts\n\nobjects",
            uptime / 1e3,
            self.processors(),
            if uptime > 0.0 { idle / uptime / self.processors() as f64 * 100.0 } else { 0.0 },
            u64::from(kernel.objects.get(QuotaKind::Frames)) * KIB_PER_FRAME,
            u64::from(kernel.capacity.get(QuotaKind::Frames)) * KIB_PER_FRAME,
            kernel.switches,
            kernel.system_calls,
            kernel.interrupts,
        );
        for kind in QuotaKind::ALL.iter().filter(|kind| **kind != QuotaKind::Frames) {
            let (used, capacity) = (kernel.objects.get(*kind), kernel.capacity.get(*kind));
            add(&mut text, format_args!("\n  {:<10} {used:>6} of {capacity}", kind.text()));
        }
        if header.omitted > 0 {
            add(&mut text, format_args!("\n{} objects did not fit the snapshot", header.omitted));
        }
        text
    }

    /// Every process.
    pub fn processes(&self) -> String {
        let mut text = format!(
            "{:>4} {:<16} {:<14} {:>8} {:>10} {:>9} {:>7} {:>7}",
            "id", "process", "state", "priority", "cpu ms", "KiB", "handles", "threads"
        );
        for process in &self.snapshot.processes {
            add(
                &mut text,
                format_args!(
                    "\n{:>4} {:<16} {:<14} {:>8} {:>10.1} {:>9} {:>7} {:>7}",
                    process.number,
                    name(process),
                    state(process.state),
                    process.priority,
                    self.milliseconds(process.cpu_ticks),
                    u64::from(process.resident_pages) * KIB_PER_FRAME,
                    process.handles,
                    process.threads,
                ),
            );
        }
        text
    }

    /// Every thread, with what it waits for.
    pub fn threads(&self) -> String {
        let mut text = format!(
            "{:>4} {:<16} {:<14} {:>8} {:>9} {:>10} {:<18} waits for",
            "id", "of", "state", "priority", "processor", "cpu ms", "instruction"
        );
        for thread in &self.snapshot.threads {
            let info = &thread.info;
            let waits = match ThreadState::from_code(info.state.into()) {
                _ if thread.waits_at == NONE => String::new(),
                Some(ThreadState::Waiting) => format!("signal {}", thread.waits_at),
                _ => self.port(thread.waits_at),
            };
            let owes = match thread.owes {
                NONE => String::new(),
                caller => format!(" owes {} an answer", self.thread(caller)),
            };
            add(
                &mut text,
                format_args!(
                    "\n{:>4} {:<16} {:<14} {:>8} {:>9} {:>10.1} {:#018x} {waits}{owes}",
                    info.number,
                    self.process(info.process),
                    state(info.state),
                    info.priority,
                    info.processor,
                    self.milliseconds(info.cpu_ticks),
                    thread.instruction,
                ),
            );
        }
        text
    }

    /// Every port, with who waits there.
    pub fn ports(&self) -> String {
        let mut text = format!("{:>4} {:<20} {:>7} {:>9} {:>7}", "id", "interface", "handles", "receiving", "sending");
        for port in &self.snapshot.ports {
            add(
                &mut text,
                format_args!(
                    "\n{:>4} {:<20} {:>7} {:>9} {:>7}",
                    port.number,
                    interface_name(port.label),
                    port.handles,
                    port.receiving,
                    port.sending,
                ),
            );
        }
        text
    }

    /// The last `count` events of all trace rings, messages decoded.
    pub fn trace(&self, count: usize) -> String {
        let mut calls = Calls::default();
        let events = self.events();
        let several = self.snapshot.rings.len() > 1;
        let lines: Vec<String> = events
            .iter()
            .map(|(processor, event)| {
                let time = self.since_boot(event.ticks) / 1e3;
                let event = self.event(event, &mut calls);
                if several {
                    format!("{time:>14.4} ms  processor {processor:<3} {event}")
                } else {
                    format!("{time:>14.4} ms  {event}")
                }
            })
            .collect();
        lines[lines.len().saturating_sub(count)..].join("\n")
    }

    /// All events with their processors, oldest first.
    pub fn events(&self) -> Vec<(u32, &'a Event)> {
        let rings = self.snapshot.rings.iter();
        let mut events: Vec<_> =
            rings.flat_map(|ring| ring.events.iter().map(|event| (ring.entry.processor, event))).collect();
        events.sort_by_key(|(_, event)| event.ticks);
        events
    }

    /// Events that were recorded, and how many of them have not been overwritten.
    pub fn recorded(&self) -> (u64, usize) {
        let rings = &self.snapshot.rings;
        (rings.iter().map(|ring| ring.entry.recorded).sum(), rings.iter().map(|ring| ring.events.len()).sum())
    }

    /// What a call asks.
    pub fn call(&self, event: &Event, calls: &mut Calls) -> String {
        let (tag, word) = (Tag(event.c), event.d);
        let label = self.labels.get(&event.b).copied().unwrap_or(0);
        calls.0.insert(event.kind_a & 0xff_ffff, (label, tag.label()));
        interface_by_id(label).map_or_else(
            || format!("method {} ({word:#x} ...)", tag.label()),
            |interface| (interface.decode)(tag, &[word]),
        )
    }

    /// What a reply says.
    pub fn reply(&self, event: &Event, calls: &mut Calls) -> String {
        let (tag, word) = (Tag(event.c), event.d);
        calls.0.remove(&event.b).and_then(|(label, method)| Some((interface_by_id(label)?, method))).map_or_else(
            || format!("status {} ({word:#x} ...)", tag.label()),
            |(interface, method)| (interface.decode_reply)(method, tag, &[word]),
        )
    }

    fn event(&self, event: &Event, calls: &mut Calls) -> String {
        let a = event.kind_a & 0xff_ffff;
        let (b, c, d) = (event.b, event.c, event.d);
        let Some(kind) = EventKind::from_code((event.kind_a >> 24).into()) else {
            return format!("unknown event {:#x}", event.kind_a);
        };
        let what = match kind {
            EventKind::Switch => self.thread(a),
            EventKind::Call => {
                let call = self.call(event, calls);
                format!("{} -> {}: {call}", self.thread(a), self.port(b))
            }
            EventKind::Reply => {
                let reply = self.reply(event, calls);
                format!("{} -> {}: {reply}", self.thread(a), self.thread(b))
            }
            EventKind::Signal => format!("{} -> signal {b}: bits {c:#x}", self.thread(a)),
            EventKind::Irq => format!("line {a}"),
            EventKind::Timer => format!("late by {} us", self.microseconds(event.ticks.saturating_sub(c))),
            EventKind::Wake => format!("{} -> {}", self.thread(a), self.thread(b)),
            EventKind::Fault => {
                let kind = FaultKind::from_code(u64::from(b)).map_or("fault", FaultKind::text);
                format!("{}: {kind}, instruction {c:#x}, address {d:#x}", self.thread(a))
            }
            EventKind::Exit => {
                let cause = if b == 1 { "by a fault" } else { "" };
                format!("{} with code {} {cause}", self.process(a), c.cast_signed())
            }
            EventKind::Budget => format!("{b} ran out under {}", self.thread(a)),
        };
        format!("{:<8} {what}", kind.text())
    }

    /// When the snapshot was taken.
    pub fn ticks(&self) -> u64 {
        self.snapshot.header.ticks
    }

    /// A span of ticks in microseconds, to the nanosecond.
    pub fn microseconds(&self, ticks: u64) -> f64 {
        (self.milliseconds(ticks) * 1e6).round() / 1e3
    }

    /// The time since boot in microseconds, to the nanosecond.
    pub fn since_boot(&self, ticks: u64) -> f64 {
        self.microseconds(ticks.saturating_sub(self.snapshot.header.base_ticks))
    }

    /// The process of a thread that is there now.
    pub fn owner(&self, thread: u32) -> Option<u32> {
        self.owners.get(&thread).copied()
    }

    fn milliseconds(&self, ticks: u64) -> f64 {
        let rate = self.snapshot.header.ticks_per_second.max(1);
        ticks as f64 * 1e3 / rate as f64
    }

    /// A process's name.
    pub fn process(&self, number: u32) -> String {
        self.processes.get(&number).cloned().unwrap_or_else(|| format!("process {number}"))
    }

    fn thread(&self, number: u32) -> String {
        match self.owners.get(&number) {
            Some(process) => format!("{}/{number}", self.process(*process)),
            // The kernel's own threads belong to no process.
            None if self.idles(number) => "idle".to_owned(),
            None if self.is_kernels(number) => "reaper".to_owned(),
            None => format!("thread {number}"),
        }
    }

    /// A port's name.
    pub fn port(&self, number: u32) -> String {
        match self.labels.get(&number) {
            Some(label) => format!("{} (port {number})", interface_name(*label)),
            None => format!("port {number}"),
        }
    }
}

fn state(code: u8) -> &'static str {
    ThreadState::from_code(code.into()).map_or("unknown", ThreadState::text)
}

fn name(process: &ProcessInfo) -> String {
    let end = process.name.iter().position(|byte| *byte == 0).unwrap_or(process.name.len());
    String::from_utf8_lossy(&process.name[..end]).into_owned()
}

fn interface_name(label: u64) -> String {
    interface_by_id(label).map_or_else(
        || {
            if label == 0 { "-".into() } else { format!("{label:#x}") }
        },
        |interface| interface.name.to_owned(),
    )
}

fn add(text: &mut String, arguments: std::fmt::Arguments<'_>) {
    text.write_fmt(arguments).expect("writing to a string cannot fail");
}

#[cfg(test)]
mod tests {
    use super::super::snapshot::{Ring, tests::example};
    use super::*;
    use airox_abi::snapshot::RingEntry;

    #[test]
    fn each_processor_idles_and_has_its_ring() {
        let mut snapshot = Snapshot::parse(&example()).unwrap();
        snapshot.threads.clear();
        // Of 2 s on each of two processors, half a second was idle.
        snapshot.header.kernel.processors = 2;
        snapshot.header.kernel.idle_ticks = 500;
        let switch = |ticks, thread| Event { ticks, ..event(EventKind::Switch, thread, 5, 0) };
        let other = RingEntry { processor: 1, ..snapshot.rings[0].entry };
        snapshot.rings[0].entry.processor = 0;
        snapshot.rings[0].events = vec![switch(1_100, 0), switch(1_300, 7), switch(1_400, 1)];
        snapshot.rings.push(Ring { entry: other, events: vec![switch(1_200, 2)] });
        let view = View::new(&snapshot);
        assert!(view.machine().starts_with("up 2.000 s, 2 processors idle 12 %"), "{}", view.machine());
        let text = view.trace(10);
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().skip(2).collect()).collect();
        assert_eq!(lines[0], ["processor", "0", "switch", "idle"]);
        assert_eq!(lines[1], ["processor", "1", "switch", "idle"]);
        assert_eq!(lines[2], ["processor", "0", "switch", "thread", "7"]);
        assert_eq!(lines[3], ["processor", "0", "switch", "reaper"]);
    }

    fn event(kind: EventKind, a: u32, b: u32, c: u64) -> Event {
        Event { ticks: 2_000, kind_a: (kind as u32) << 24 | a, b, c, d: 0 }
    }

    #[test]
    fn tables_name_processes() {
        let snapshot = Snapshot::parse(&example()).unwrap();
        let view = View::new(&snapshot);
        assert!(view.processes().contains("log"), "{}", view.processes());
        assert!(view.machine().starts_with("up 2.000 s"), "{}", view.machine());
        assert_eq!(view.ports().lines().count(), 2);
        assert_eq!(view.threads().lines().count(), 2);
    }

    #[test]
    fn messages_are_decoded_by_their_ports_interface() {
        let mut snapshot = Snapshot::parse(&example()).unwrap();
        let clock = airox_api::clock::INFO;
        snapshot.ports[0].label = u64::from(clock.id);
        snapshot.rings[0].events = vec![event(EventKind::Call, 0, 9, Tag::new(0).0), event(EventKind::Exit, 5, 1, 3)];
        let text = View::new(&snapshot).trace(10);
        assert!(text.contains("clock (port 9): now"), "{text}");
        assert!(text.contains("exit     log with code 3 by a fault"), "{text}");
        assert_eq!(View::new(&snapshot).trace(1).lines().count(), 1);
    }
}
