//! The trace rings as a trace file for Perfetto and Chrome: the JSON of the "Trace Event Format".
//!
//! Each processor has a track that shows who ran, each thread one with a slice while it ran. Arrows lead from a call to the server's
//! work and from the reply back, and from who woke a thread to when it ran; whole calls are spans of their own, named by what was asked. All else is an
//! instant.
//!
//! The kernel's numbers are used again: a process is named by its number and how many with this number have ended since.

use std::collections::BTreeMap;

use airox_abi::fault::FaultKind;
use airox_abi::trace::{Event, EventKind};
use serde_json::{Value, json};

use super::view::{Calls, View};

/// The process that holds the processors' tracks; the others follow.
const PROCESSORS: u64 = 1;
/// Distance of the numbers of processes that had the same number in the kernel.
const GENERATION: u64 = 1_000_000;

/// A thread's track: process and thread of the file.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Track {
    process: u64,
    thread: u32,
}

/// A time during which a thread ran, in ticks.
#[derive(Clone, Copy)]
struct Slice {
    start: u64,
    end: u64,
    processor: u32,
}

/// A call that has not been answered.
struct Pending {
    start: u64,
    name: String,
    caller: Track,
    number: usize,
}

struct Writer<'a> {
    view: &'a View<'a>,
    /// Ends of processes, by their number: when, and their names' first bytes.
    ends: BTreeMap<u32, Vec<(u64, u64)>>,
    /// The process of each thread, as last seen.
    owners: BTreeMap<u32, u32>,
    slices: BTreeMap<Track, Vec<Slice>>,
    arrows: usize,
    events: Vec<Value>,
}

/// The whole file.
pub fn trace(view: &View<'_>) -> Value {
    let events = view.events();
    let mut writer = Writer {
        view,
        ends: BTreeMap::new(),
        owners: BTreeMap::new(),
        slices: BTreeMap::new(),
        arrows: 0,
        events: Vec::new(),
    };
    for (_, event) in &events {
        if kind(event) == Some(EventKind::Exit) {
            let ends = writer.ends.entry(number(event)).or_default();
            ends.push((event.ticks, event.d));
        }
    }
    writer.run(&events);
    writer.tell(&events);
    writer.name_tracks();
    json!({ "displayTimeUnit": "ns", "traceEvents": writer.events })
}

fn kind(event: &Event) -> Option<EventKind> {
    EventKind::from_code((event.kind_a >> 24).into())
}

fn number(event: &Event) -> u32 {
    event.kind_a & 0xff_ffff
}

impl Writer<'_> {
    /// The process that had this number then.
    fn process(&self, number: u32, ticks: u64) -> u64 {
        let ends = self.ends.get(&number).map_or(&[][..], Vec::as_slice);
        let since = ends.iter().filter(|(end, _)| *end >= ticks).count();
        PROCESSORS + 1 + u64::from(number) + since as u64 * GENERATION
    }

    /// The track of a thread, by what was last seen of it.
    fn track(&self, thread: u32, ticks: u64) -> Option<Track> {
        let owner = self.owners.get(&thread).copied();
        let process = owner.or_else(|| self.view.owner(thread))?;
        (!self.view.idles(thread)).then(|| Track { process: self.process(process, ticks), thread })
    }

    /// Where something is shown that this thread did, or that interrupted it.
    fn place(&self, thread: u32, processor: u32, ticks: u64) -> Track {
        self.track(thread, ticks).unwrap_or_else(|| self.processor(processor))
    }

    const fn processor(&self, number: u32) -> Track {
        Track {
            process: PROCESSORS,
            // Viewers take thread 0 for something else.
            thread: number + 1,
        }
    }

    /// Finds out who ran when.
    fn run(&mut self, events: &[(u32, &Event)]) {
        let mut running: BTreeMap<u32, (Option<Track>, u64)> = BTreeMap::new();
        let end = self.view.ticks();
        for (processor, event) in events {
            if kind(event) == Some(EventKind::Switch) {
                let thread = number(event);
                self.owners.insert(thread, event.b);
                let next = (self.track(thread, event.ticks), event.ticks);
                let last = running.insert(*processor, next);
                self.slice(*processor, last, event.ticks);
            }
        }
        for (processor, last) in running {
            self.slice(processor, Some(last), end);
        }
        // What follows reads the events from their beginning again.
        for (_, event) in events.iter().rev() {
            if kind(event) == Some(EventKind::Switch) {
                self.owners.insert(number(event), event.b);
            }
        }
    }

    fn slice(&mut self, processor: u32, last: Option<(Option<Track>, u64)>, end: u64) {
        let Some((Some(track), start)) = last else {
            return;
        };
        self.slices.entry(track).or_default().push(Slice { start, end, processor });
        let name = self.name(track.process);
        let duration = self.view.microseconds(end.saturating_sub(start));
        for (at, name) in [
            (track, format!("on processor {processor}")),
            (self.processor(processor), format!("{name}/{}", track.thread)),
        ] {
            let event = json!({ "ph": "X", "cat": "run", "name": name, "dur": duration });
            self.push(event, at, start);
        }
    }

    /// Shows what happened.
    fn tell(&mut self, events: &[(u32, &Event)]) {
        let mut calls = Calls::default();
        let mut pending: BTreeMap<u32, Pending> = BTreeMap::new();
        for (sequence, (processor, event)) in events.iter().enumerate() {
            let (a, ticks) = (number(event), event.ticks);
            let place = self.place(a, *processor, ticks);
            match kind(event) {
                Some(EventKind::Switch) => {
                    self.owners.insert(a, event.b);
                }
                Some(EventKind::Call) => {
                    let call = Pending {
                        start: ticks,
                        name: format!("{}: {}", self.view.port(event.b), self.view.call(event, &mut calls)),
                        caller: place,
                        number: sequence,
                    };
                    pending.insert(a, call);
                }
                Some(EventKind::Reply) => {
                    let text = self.view.reply(event, &mut calls);
                    if let Some(call) = pending.remove(&event.b) {
                        self.arrow("call", (call.caller, call.start), place);
                        self.arrow("reply", (place, ticks), call.caller);
                        let server = self.name(place.process);
                        let arguments = json!({ "reply": text, "server": server });
                        self.span(&call, ticks, &arguments);
                    }
                }
                Some(EventKind::Wake) => {
                    if let Some(woken) = self.track(event.b, ticks) {
                        self.arrow("wake", (place, ticks), woken);
                    }
                }
                Some(EventKind::Signal) => {
                    let arguments = json!({ "bits": format!("{:#x}", event.c) });
                    self.instant(&format!("signal {}", event.b), place, ticks, &arguments);
                }
                Some(EventKind::Irq) => {
                    let at = self.processor(*processor);
                    self.instant(&format!("irq {a}"), at, ticks, &json!({}));
                }
                Some(EventKind::Timer) => {
                    let late = self.view.microseconds(ticks.saturating_sub(event.c));
                    let at = self.processor(*processor);
                    self.instant("timer", at, ticks, &json!({ "late by (us)": late }));
                }
                Some(EventKind::Fault) => {
                    let kind = FaultKind::from_code(event.b.into());
                    let arguments = json!({
                        "instruction": format!("{:#x}", event.c),
                        "address": format!("{:#x}", event.d),
                    });
                    let name = format!("fault: {}", kind.map_or("unknown", FaultKind::text));
                    self.instant(&name, place, ticks, &arguments);
                }
                Some(EventKind::Budget) => {
                    let pause = self.view.microseconds(event.c.saturating_sub(ticks));
                    let name = format!("budget {} used up", event.b);
                    let arguments = json!({ "replenished after (us)": pause });
                    self.instant(&name, place, ticks, &arguments);
                }
                Some(EventKind::Exit) => {
                    let process = self.process(a, ticks);
                    let name = format!("{} ends", self.name(process));
                    let arguments = json!({ "code": event.c.cast_signed(), "by a fault": event.b == 1 });
                    self.instant(&name, self.processor(*processor), ticks, &arguments);
                }
                None => {}
            }
        }
        for call in pending.into_values() {
            let arguments = json!({ "reply": "none yet" });
            self.span(&call, self.view.ticks(), &arguments);
        }
    }

    /// A whole call, as a span beside the caller's threads.
    fn span(&mut self, call: &Pending, end: u64, arguments: &Value) {
        for (phase, ticks) in [("b", call.start), ("e", end)] {
            let event = json!({
                "ph": phase, "cat": "call", "id": call.number, "name": call.name, "args": arguments,
            });
            self.push(event, call.caller, ticks);
        }
    }

    /// An arrow from what a thread did to when another ran next. Viewers tie its ends to the slices they are in.
    fn arrow(&mut self, name: &str, from: (Track, u64), to: Track) {
        let Some((start, end)) = self.before(from).zip(self.after((to, from.1))) else {
            return;
        };
        self.arrows += 1;
        let id = self.arrows;
        let event = json!({ "ph": "s", "cat": name, "name": name, "id": id });
        self.push(event, from.0, start);
        let event = json!({ "ph": "f", "bp": "e", "cat": name, "name": name, "id": id });
        self.push(event, to, end);
    }

    /// The last moment up to then at which a thread ran.
    fn before(&self, (track, ticks): (Track, u64)) -> Option<u64> {
        let slices = self.slices.get(&track)?;
        let slice = slices.iter().rev().find(|slice| slice.start <= ticks)?;
        Some(ticks.min(slice.end.saturating_sub(1)).max(slice.start))
    }

    /// The first moment from then on at which a thread ran.
    fn after(&self, (track, ticks): (Track, u64)) -> Option<u64> {
        let slices = self.slices.get(&track)?;
        let slice = slices.iter().find(|slice| slice.end > ticks)?;
        Some(ticks.max(slice.start))
    }

    fn instant(&mut self, name: &str, at: Track, ticks: u64, arguments: &Value) {
        let event = json!({ "ph": "i", "s": "t", "name": name, "args": arguments });
        self.push(event, at, ticks);
    }

    fn push(&mut self, mut event: Value, at: Track, ticks: u64) {
        event["pid"] = at.process.into();
        event["tid"] = at.thread.into();
        event["ts"] = self.view.since_boot(ticks).into();
        self.events.push(event);
    }

    /// A process's name; of one that has ended, as much as was recorded.
    fn name(&self, process: u64) -> String {
        let from_zero = process - PROCESSORS - 1;
        let (number, since) = ((from_zero % GENERATION) as u32, from_zero / GENERATION);
        let ends = self.ends.get(&number).map_or(&[][..], Vec::as_slice);
        let ended = (since as usize).checked_sub(1).and_then(|before_last| {
            let index = ends.len().checked_sub(1 + before_last)?;
            let bytes = ends[index].1.to_le_bytes();
            let text = String::from_utf8_lossy(&bytes);
            Some(text.trim_end_matches('\0').to_owned())
        });
        ended.unwrap_or_else(|| self.view.process(number))
    }

    fn name_tracks(&mut self) {
        let mut named: BTreeMap<u64, String> = BTreeMap::new();
        let mut processors = BTreeMap::new();
        let tracks: Vec<Track> = self.slices.keys().copied().collect();
        for slices in self.slices.values() {
            for slice in slices {
                processors.insert(slice.processor, self.processor(slice.processor));
            }
        }
        let mut metadata = Vec::new();
        let mut add = |what: &str, name: &str, at: Track| {
            metadata.push(json!({
                "ph": "M", "name": what, "pid": at.process, "tid": at.thread, "args": { "name": name },
            }));
        };
        for track in tracks {
            let name = self.name(track.process);
            add("thread_name", &format!("{name}/{}", track.thread), track);
            if named.insert(track.process, name.clone()).is_none() {
                add("process_name", &name, track);
            }
        }
        for (number, track) in processors {
            add("process_name", "processors", track);
            add("thread_name", &format!("processor {number}"), track);
        }
        self.events.splice(0..0, metadata);
    }
}

#[cfg(test)]
mod tests;
