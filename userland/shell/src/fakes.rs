//! Servers that live in the test, and a shell on top of them.

use crate::services::*;
use crate::shell::Shell;
use airox_file_system::{FileSystem, Node, path, read_slice, write_all};
use airox_memory_files::MemoryFiles;
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::rc::Rc;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::cell::{RefCell, RefMut};

/// What the log server does while the shell waits for a record.
pub enum LogEvent {
    Write(&'static str, Level, &'static str),
    Drop(u64),
    Anew,
    Die,
    Interrupt,
}

/// The state of all servers; tests set it up and look at it.
#[derive(Default)]
pub struct World {
    pub input: VecDeque<u8>,
    pub output: String,
    pub failing_writes: u32,
    pub failing_reads: u32,
    pub failing_reopens: u32,
    pub reopened: u32,
    pub processes: Vec<ProcessEntry>,
    /// After each list this process has used so many nanoseconds more.
    pub used_in_each_list: Option<(u32, u64)>,
    /// After each list this process is started again.
    pub restart_in_each_list: Option<u32>,
    pub handles: Vec<HandleEntry>,
    pub memory: Option<Memory>,
    /// After each question for memory the processors have idled so many nanoseconds more.
    pub idle_in_each_memory: u64,
    /// What is read of each processor's trace, one after the other.
    pub traces: BTreeMap<u32, VecDeque<Piece>>,
    pub process_server_dies: bool,
    /// The terms of every run.
    pub terms: Vec<Terms>,
    /// The files of every run.
    pub granted: Vec<Option<Vec<FileGrant>>>,
    pub ran: Vec<String>,
    pub endings: BTreeMap<u32, ExitStatus>,
    pub wait_interrupted: bool,
    pub killed: Vec<String>,
    pub restarted: Vec<String>,
    pub records: Vec<Record>,
    pub next_sequence: u64,
    pub log_events: VecDeque<LogEvent>,
    pub levels: BTreeMap<String, Level>,
    /// The channels of the sensor gps0, its state, and what comes after it; nothing: its driver dies.
    pub channels: Vec<Channel>,
    pub sensor_state: Option<Result<Reading, SensorError>>,
    pub sensor_news: VecDeque<Option<News>>,
    pub asked_after: Vec<u64>,
    /// What was sent to /dev/can/bus0, what comes from it (nothing: its driver dies), and what it was asked.
    pub can_sent: Vec<can::CanFrame>,
    pub can_news: VecDeque<Option<can::News>>,
    pub can_after: Vec<u64>,
    pub can_recovered: bool,
    /// What the actuator servos0 was told.
    pub commands: Vec<(u32, Option<f64>)>,
    /// What was sent to /dev/serial/port0 comes back.
    pub on_line: VecDeque<u8>,
    /// What /dev/display/display0, 8 by 2 pixels, shows.
    pub picture: Vec<[u8; 3]>,
    pub unix_ns: u64,
    pub power: Vec<&'static str>,
    pub devices: Vec<DeviceEntry>,
    /// Network interfaces by their paths, what comes there and what was sent.
    pub interfaces: BTreeMap<String, NetworkStatus>,
    pub frames: VecDeque<Vec<u8>>,
    pub sent: Vec<Vec<u8>>,
    pub scripts: BTreeMap<String, String>,
    pub uptime_ns: u64,
    pub slept: Vec<u64>,
    /// Ctrl-C comes when this many more questions for it have been asked.
    pub interrupt_after: Option<u32>,
    /// Ctrl-C comes, as news, whenever this key has been read.
    pub interrupt_with_key: Option<u8>,
}

impl World {
    pub fn write(&mut self, source: &str, level: Level, text: &str) {
        self.next_sequence += 1;
        let record = Record {
            sequence: self.next_sequence,
            time_ns: self.next_sequence * 1_500_000_000,
            source: source.into(),
            level,
            text: text.into(),
        };
        self.records.push(record);
    }

    pub fn add_process(&mut self, id: u32, name: &str, kind: Kind) {
        self.processes.push(ProcessEntry {
            id,
            name: name.into(),
            state: State::Receiving,
            priority: 100,
            cpu_ns: 1_234_567_890,
            memory_bytes: 1_572_864,
            handles: 17,
            threads: 2,
            restarts: 3,
            kind,
            processor: Some(0),
            budget: None,
            number: Some(id),
        });
    }
}

#[derive(Clone, Default)]
pub struct Shared(Rc<RefCell<World>>);

impl Shared {
    pub fn world(&self) -> RefMut<'_, World> {
        self.0.borrow_mut()
    }

    fn alive(&self) -> Answer<RefMut<'_, World>> {
        let mut world = self.world();
        match core::mem::take(&mut world.process_server_dies) {
            true => Err(Failure::Died("process")),
            false => Ok(world),
        }
    }
}

fn fail(counter: &mut u32) -> Answer<()> {
    match counter.checked_sub(1) {
        Some(left) => {
            *counter = left;
            Err(Failure::Died("console"))
        }
        None => Ok(()),
    }
}

const PROGRAMS: [&str; 4] = ["hello", "primes", "hog", "latency"];

impl Processes for Shared {
    fn programs(&mut self) -> Answer<Vec<String>> {
        self.alive()?;
        Ok(PROGRAMS.map(String::from).to_vec())
    }

    fn list(&mut self) -> Answer<Vec<ProcessEntry>> {
        let mut world = self.alive()?;
        let (using, restarting) = (world.used_in_each_list, world.restart_in_each_list);
        let list = world.processes.clone();
        for entry in &mut world.processes {
            if let Some((_, ns)) = using.filter(|(id, _)| *id == entry.id) {
                entry.cpu_ns += ns;
            }
            if restarting == Some(entry.id) {
                entry.restarts += 1;
            }
        }
        Ok(list)
    }

    fn handles(&mut self, process: &str) -> Answer<Vec<HandleEntry>> {
        self.find(process)?;
        Ok(self.world().handles.clone())
    }

    fn memory(&mut self) -> Answer<Memory> {
        let mut world = self.alive()?;
        let idle = world.idle_in_each_memory;
        let memory = world.memory.clone().ok_or(Failure::Missing("process"))?;
        world.memory = Some(Memory { idle_ns: memory.idle_ns + idle, ..memory.clone() });
        Ok(memory)
    }

    fn trace(&mut self, processor: u32, sequence: u64) -> Answer<Piece> {
        let mut world = self.alive()?;
        let next = world.traces.get_mut(&processor).and_then(|pieces| {
            let piece = pieces.pop_front();
            piece.filter(|piece| piece.first >= sequence || sequence == u64::MAX)
        });
        Ok(next.unwrap_or_default())
    }

    fn run(&mut self, program: &str, arguments: &[String], terms: Terms, files: Option<Vec<FileGrant>>) -> Answer<u32> {
        let mut world = self.alive()?;
        world.terms.push(terms);
        world.granted.push(files);
        if !PROGRAMS.contains(&program) {
            return Err(Failure::Refused("no such program".into()));
        }
        world.ran.push([&[program.to_string()], arguments].concat().join(" "));
        let id = 100 + world.ran.len() as u32;
        if matches!(world.endings.get(&id), Some(ExitStatus::Faulted)) {
            let report = ["`hello` faulted: divide error", "  backtrace:"];
            world.write("rtc", Level::Error, "something else");
            world.write("process", Level::Info, "not a report");
            for line in report {
                world.write("process", Level::Error, line);
            }
        }
        world.add_process(id, program, Kind::Program);
        Ok(id)
    }

    fn wait(&mut self, id: u32) -> Answer<Waited<ExitStatus>> {
        let mut world = self.alive()?;
        if core::mem::take(&mut world.wait_interrupted) {
            return Ok(Waited::Interrupted);
        }
        world.processes.retain(|entry| entry.id != id);
        Ok(Waited::Done(world.endings.get(&id).copied().unwrap_or(ExitStatus::Exited(0))))
    }

    fn kill(&mut self, process: &str) -> Answer<()> {
        self.find(process)?;
        self.world().killed.push(process.into());
        Ok(())
    }

    fn kill_at(&mut self, doom: &Doom) -> Answer<Option<Killed>> {
        let asked_ns = self.uptime_ns();
        if asked_ns < doom.at_ns {
            return Ok(None);
        }
        self.kill(&doom.process)?;
        Ok(Some(Killed { asked_ns, done_ns: self.uptime_ns() }))
    }

    fn restart(&mut self, name: &str) -> Answer<()> {
        self.find(name)?;
        self.world().restarted.push(name.into());
        Ok(())
    }
}

impl Shared {
    fn find(&self, process: &str) -> Answer<()> {
        let world = self.alive()?;
        let known = world.processes.iter().any(|entry| entry.name == process || entry.id.to_string() == process);
        if known { Ok(()) } else { Err(Failure::Refused("no such process".into())) }
    }
}

impl Logs for Shared {
    fn read(&mut self, after: u64) -> Answer<Vec<Record>> {
        // At most two a call, as a small buffer would do.
        Ok(self.world().records.iter().filter(|r| r.sequence > after).take(2).cloned().collect())
    }

    fn newest(&mut self) -> Answer<u64> {
        Ok(self.world().next_sequence)
    }

    fn wait(&mut self, _after: u64) -> Answer<Waited<u64>> {
        let mut world = self.world();
        let event = world.log_events.pop_front().unwrap_or(LogEvent::Interrupt);
        match event {
            LogEvent::Write(source, level, text) => world.write(source, level, text),
            LogEvent::Drop(count) => {
                world.next_sequence += count;
                world.write("late", Level::Info, "after the gap");
            }
            LogEvent::Anew | LogEvent::Die => {
                world.records.clear();
                world.next_sequence = 0;
                world.write("log", Level::Info, "started");
                if matches!(event, LogEvent::Die) {
                    return Err(Failure::Died("log"));
                }
            }
            LogEvent::Interrupt => return Ok(Waited::Interrupted),
        }
        Ok(Waited::Done(world.next_sequence))
    }

    fn levels(&mut self) -> Answer<Vec<SourceLevel>> {
        let world = self.world();
        let mut levels = world.levels.clone();
        for record in &world.records {
            levels.entry(record.source.clone()).or_insert(Level::Info);
        }
        Ok(levels.into_iter().map(|(source, level)| SourceLevel { source, level }).collect())
    }

    fn set_level(&mut self, server: &str, level: Level) -> Answer<()> {
        if server == "nobody" {
            return Err(Failure::Refused("no such log source".into()));
        }
        self.world().levels.insert(server.into(), level);
        Ok(())
    }
}

impl Sensors for Shared {
    fn names(&mut self) -> Answer<Vec<String>> {
        Ok(["gps0".into()].into())
    }

    fn describe(&mut self, _sensor: &str) -> Answer<Description> {
        Ok(Description {
            kind: SensorKind::Position,
            model: "made".into(),
            channels: self.world().channels.clone().into(),
            period_ns: None,
        })
    }

    fn read(&mut self, _sensor: &str) -> Answer<Result<Reading, SensorError>> {
        self.world().sensor_state.clone().ok_or(Failure::Died("sensor"))
    }

    fn statistics(&mut self, _sensor: &str) -> Answer<Statistics> {
        Ok(Statistics { checksum_errors: 2, ..Statistics::default() })
    }

    fn next(&mut self, _sensor: &str, after: u64) -> Answer<Waited<News>> {
        let mut world = self.world();
        world.asked_after.push(after);
        match world.sensor_news.pop_front() {
            Some(Some(news)) => Ok(Waited::Done(news)),
            Some(None) => Err(Failure::Died("sensor")),
            None => Ok(Waited::Interrupted),
        }
    }
}

impl Clock for Shared {
    fn now(&mut self) -> Answer<u64> {
        Ok(self.world().unix_ns)
    }

    fn set(&mut self, unix_ns: u64) -> Answer<()> {
        self.world().unix_ns = unix_ns;
        Ok(())
    }
}

impl Power for Shared {
    fn off(&mut self) -> Answer<()> {
        self.world().power.push("off");
        Ok(())
    }

    fn reboot(&mut self) -> Answer<()> {
        self.world().power.push("reboot");
        Err(Failure::Refused("this machine cannot do that".into()))
    }
}

impl Devices for Shared {
    fn list(&mut self) -> Answer<Vec<DeviceEntry>> {
        Ok(self.world().devices.clone())
    }

    fn rescan(&mut self) -> Answer<u32> {
        Ok(self.world().devices.len() as u32)
    }

    fn read_block(&mut self, path: &str, block: u64) -> Answer<Vec<u8>> {
        match (path, block) {
            ("/dev/block/disk0", 7) => Ok(b"a block of twenty-one".to_vec()),
            _ => Err(Failure::Refused("no such device".into())),
        }
    }

    fn verify(&mut self, _path: &str, rounds: u64, seed: u64) -> Answer<Report> {
        let wrong = (seed == 13).then_some(rounds);
        Ok(Report { written: 4096 * rounds, read: 512, flushes: 3, slowest_ns: 2_000_000, wrong })
    }
}

/// The one CAN controller there is.
fn is_can(path: &str) -> Answer<()> {
    if path == "/dev/can/bus0" { Ok(()) } else { Err(Failure::Refused("no such device".into())) }
}

impl CanBuses for Shared {
    fn status(&mut self, path: &str) -> Answer<can::Status> {
        is_can(path)?;
        Ok(can::Status {
            model: "made".into(),
            bit_rate: 500_000,
            state: can::CanState::BusOff,
            counters: can::ErrorCounters { transmit: 127, receive: 0 },
            sent: 1,
            failed: 2,
            received: 3,
            overruns: 4,
            malformed: 5,
        })
    }

    fn send(&mut self, path: &str, frame: can::CanFrame) -> Answer<()> {
        is_can(path)?;
        self.world().can_sent.push(frame);
        Ok(())
    }

    fn next(&mut self, path: &str, after: u64) -> Answer<Waited<can::News>> {
        is_can(path)?;
        self.world().can_after.push(after);
        match self.world().can_news.pop_front() {
            Some(Some(news)) => Ok(Waited::Done(news)),
            Some(None) => Err(Failure::Died("can")),
            None => Ok(Waited::Interrupted),
        }
    }

    fn recover(&mut self, path: &str) -> Answer<()> {
        is_can(path)?;
        self.world().can_recovered = true;
        Ok(())
    }
}

impl Networks for Shared {
    fn status(&mut self, path: &str) -> Answer<NetworkStatus> {
        let status = self.world().interfaces.get(path).copied();
        status.ok_or_else(|| Failure::Refused("no such device".into()))
    }

    fn send(&mut self, _path: &str, frame: &[u8]) -> Answer<()> {
        self.world().sent.push(frame.to_vec());
        Ok(())
    }

    fn receive(&mut self, _path: &str, _patience_ns: u64) -> Answer<Option<Vec<u8>>> {
        Ok(self.world().frames.pop_front())
    }

    fn random(&mut self, _path: &str, count: u32) -> Answer<Vec<u8>> {
        Ok((0..count).map(|byte| byte as u8).collect())
    }
}

/// Two devices, whose registers hold their own numbers.
impl I2cBuses for Shared {
    fn probe(&mut self, path: &str, address: u8) -> Answer<bool> {
        match path {
            "/dev/i2c/bus0" => Ok(matches!(address, 0x50 | 0x51)),
            _ => Err(Failure::Refused("no such device".into())),
        }
    }

    fn transfer(&mut self, path: &str, address: u8, write: &[u8], count: u32) -> Answer<Vec<u8>> {
        match self.probe(path, address)? {
            true => Ok((0..count as u8).map(|place| write[0] + place).collect()),
            false => Err(Failure::Refused(i2c::I2cFault::NotAcknowledged.to_string())),
        }
    }
}

/// A line that sends back what it gets.
impl Serials for Shared {
    fn send(&mut self, path: &str, bytes: &[u8]) -> Answer<()> {
        match path {
            "/dev/serial/port0" => self.world().on_line.extend(bytes),
            _ => return Err(Failure::Refused("no such device".into())),
        }
        Ok(())
    }

    fn receive(&mut self, path: &str, most: usize, _patience_ns: u64) -> Answer<Vec<u8>> {
        Serials::send(self, path, &[])?;
        let mut world = self.world();
        let count = most.min(world.on_line.len());
        Ok(world.on_line.drain(..count).collect())
    }
}

/// A small display.
impl Displays for Shared {
    fn show(&mut self, path: &str, pixel: &dyn Fn(Size, u32, u32) -> [u8; 3]) -> Answer<Size> {
        let size = Size { width: 8, height: 2 };
        match path {
            "/dev/display/display0" => {
                let places = (0..size.height).flat_map(|y| (0..size.width).map(move |x| (x, y)));
                self.world().picture = places.map(|(x, y)| pixel(size, x, y)).collect();
                Ok(size)
            }
            _ => Err(Failure::Refused("no such device".into())),
        }
    }
}

/// The first watchdog; others are not this shell's to look at.
impl Watchdogs for Shared {
    fn status(&mut self, path: &str) -> Answer<WatchdogStatus> {
        match path {
            "/dev/watchdog/watchdog0" => Ok(WatchdogStatus {
                running: true,
                timeout_ms: Some(2000),
                fed: 7,
                fed_at_ns: 4_000_000_000,
                has_reset: true,
            }),
            _ => Err(Failure::Refused("not allowed".into())),
        }
    }
}

/// The actuator servos0.
impl Actuators for Shared {
    fn names(&mut self) -> Answer<Vec<String>> {
        Ok(["servos0".into()].into())
    }

    fn describe(&mut self, actuator: &str) -> Answer<Outputs> {
        match actuator {
            "servos0" => Ok(Outputs::alike("made", "servo", 2, Unit::One, -1.0, 1.0)),
            _ => Err(Failure::Refused("no such actuator".into())),
        }
    }

    fn set(&mut self, _actuator: &str, channel: u32, value: Option<f64>) -> Answer<()> {
        self.world().commands.push((channel, value));
        Ok(())
    }

    fn read(&mut self, _actuator: &str) -> Answer<Result<Reading, SensorError>> {
        Ok(Ok(Reading { time_ns: 0, quality: Quality::Good, values: [Some(0.5), None].into() }))
    }
}

impl Scripts for Shared {
    fn names(&mut self) -> Answer<Vec<String>> {
        Ok(self.world().scripts.keys().cloned().collect())
    }

    fn text(&mut self, name: &str) -> Answer<String> {
        let text = self.world().scripts.get(name).cloned();
        text.ok_or_else(|| Failure::Refused("there is no script of this name".into()))
    }
}

impl Console for Shared {
    fn write(&mut self, text: &str) -> Answer<()> {
        let mut world = self.world();
        fail(&mut world.failing_writes)?;
        world.output.push_str(text);
        Ok(())
    }

    fn read(&mut self, buffer: &mut [u8]) -> Answer<usize> {
        let mut world = self.world();
        fail(&mut world.failing_reads)?;
        buffer[0] = world.input.pop_front().expect("the shell reads more than the test types");
        if world.interrupt_with_key == Some(buffer[0]) {
            world.interrupt_after = Some(0);
        }
        Ok(1)
    }

    fn columns(&mut self) -> Answer<usize> {
        Ok(80)
    }

    fn flush(&mut self) -> Answer<()> {
        self.world().power.push("flush");
        Ok(())
    }

    fn reopen(&mut self) -> Answer<()> {
        let mut world = self.world();
        fail(&mut world.failing_reopens)?;
        world.reopened += 1;
        Ok(())
    }
}

impl Host for Shared {
    fn uptime_ns(&mut self) -> u64 {
        let mut world = self.world();
        world.uptime_ns += 1_000_000;
        world.uptime_ns
    }

    fn ticks(&mut self) -> u64 {
        self.world().uptime_ns
    }

    fn ticks_per_second(&mut self) -> u64 {
        1_000_000_000
    }

    fn sleep(&mut self, ns: u64) -> Waited<()> {
        if self.interrupted() {
            return Waited::Interrupted;
        }
        self.world().slept.push(ns);
        Waited::Done(())
    }

    fn interrupted(&mut self) -> bool {
        let mut world = self.world();
        match world.interrupt_after {
            Some(0) => {
                world.interrupt_after = None;
                true
            }
            Some(left) => {
                world.interrupt_after = Some(left - 1);
                false
            }
            None => false,
        }
    }
}

/// Files in memory.
pub struct FakeFiles(Rc<RefCell<MemoryFiles>>);

impl FakeFiles {
    fn find(&self, at: &str) -> FileAnswer<Node> {
        let mut files = self.0.borrow_mut();
        let mut node = files.root();
        for name in path::components(at)? {
            node = files.lookup(node, name)?;
        }
        Ok(node)
    }

    fn parent<'a>(&self, at: &'a str) -> FileAnswer<(Node, &'a str)> {
        let (directory, name) = path::split(at).ok_or(FileError::Busy)?;
        Ok((self.find(directory)?, name))
    }
}

impl Files for FakeFiles {
    fn open(&mut self, at: &str, how: How) -> FileAnswer<Box<dyn OpenFile>> {
        let node = match self.find(at) {
            Ok(_) if how.create == Create::New => return Err(FileError::AlreadyExists),
            Err(FileError::NotFound) if how.create != Create::Never => {
                let (directory, name) = self.parent(at)?;
                self.0.borrow_mut().create(directory, name, FileKind::File, 7)?
            }
            other => other?,
        };
        let mut files = self.0.borrow_mut();
        if files.stat(node)?.kind == FileKind::Directory {
            return Err(FileError::IsADirectory);
        }
        if how.truncate {
            files.truncate(node, 0, 7)?;
        }
        Ok(Box::new(FakeFile(Rc::clone(&self.0), node)))
    }

    fn stat(&mut self, at: &str) -> FileAnswer<Attributes> {
        let node = self.find(at)?;
        self.0.borrow_mut().stat(node)
    }

    fn list(&mut self, at: &str, cursor: u64) -> FileAnswer<Listing> {
        let node = self.find(at)?;
        let mut files = self.0.borrow_mut();
        let mut found = Vec::new();
        let next = files.list(node, cursor, &mut |entry| {
            found.push((String::from(entry.name), entry.node));
            // Few at a time, as from a large directory.
            found.len() < 3
        })?;
        let mut entries = Vec::new();
        for (name, node) in found {
            entries.push(Listed { name, attributes: files.stat(node)? });
        }
        // The entry that was taken last is the one to go on at.
        let next = next.map(|_| entries.last().map_or(0, |last| last.attributes.node.0 + 1));
        Ok(Listing { entries, next })
    }

    fn make_directory(&mut self, at: &str) -> FileAnswer<()> {
        let (directory, name) = self.parent(at)?;
        self.0.borrow_mut().create(directory, name, FileKind::Directory, 7).map(drop)
    }

    fn remove(&mut self, at: &str, kind: FileKind) -> FileAnswer<()> {
        let (directory, name) = self.parent(at)?;
        self.0.borrow_mut().unlink(directory, name, kind, 7)
    }

    fn rename(&mut self, from: &str, to: &str) -> FileAnswer<()> {
        if path::is_within(to, "/other") != path::is_within(from, "/other") {
            return Err(FileError::OtherFileSystem);
        }
        let (from, to) = (self.parent(from)?, self.parent(to)?);
        self.0.borrow_mut().rename(from, to, 7)
    }

    fn sync(&mut self, at: &str) -> FileAnswer<()> {
        // A file system whose disk is not there.
        if path::is_within(at, "/other/gone") { Err(FileError::ServerDied) } else { self.0.borrow_mut().sync() }
    }

    fn usage(&mut self, _: &str) -> FileAnswer<Usage> {
        self.0.borrow_mut().usage()
    }

    fn check(&mut self, path: &str) -> FileAnswer<Checked> {
        let damaged = path::is_within(path, "/other");
        let first_problem = damaged.then(|| "block 7 is used twice".into());
        Ok(Checked { files: 3, directories: 1, problems: u64::from(damaged), first_problem })
    }

    fn quota(&mut self, at: &str) -> FileAnswer<Option<Quota>> {
        let all = Quota { most_bytes: 1 << 20, bytes: 4096, most_files: u64::MAX, files: 3 };
        self.find(at).map(|_| path::is_within(at, "/tmp").then_some(all))
    }

    fn set_quota(&mut self, at: &str, most_bytes: u64, most_files: u64) -> FileAnswer<()> {
        self.find(at)?;
        let limits = std::format!("{most_bytes} {most_files}");
        let file = self.open("/limits", How::CREATE);
        file?.write(0, limits.as_bytes())
    }

    fn mounts(&mut self) -> FileAnswer<Vec<Mounted>> {
        let mount = |path: &str, provider: &str| Mounted { path: path.into(), provider: provider.into() };
        Ok([mount("/", "memory"), mount("/other", "stick")].into())
    }
}

struct FakeFile(Rc<RefCell<MemoryFiles>>, Node);

impl OpenFile for FakeFile {
    fn read(&mut self, offset: u64, buffer: &mut [u8]) -> FileAnswer<usize> {
        read_slice(&mut *self.0.borrow_mut(), self.1, offset, buffer)
    }

    fn write(&mut self, offset: u64, bytes: &[u8]) -> FileAnswer<()> {
        write_all(&mut *self.0.borrow_mut(), self.1, offset, bytes, 7)
    }

    fn append(&mut self, bytes: &[u8]) -> FileAnswer<()> {
        let end = self.0.borrow_mut().stat(self.1)?.size;
        self.write(end, bytes)
    }

    fn sync(&mut self) -> FileAnswer<()> {
        Ok(())
    }
}

/// A shell and the world it lives in.
pub struct Session {
    pub shell: Shell,
    pub shared: Shared,
}

impl Session {
    pub fn new() -> Session {
        let shared = Shared::default();
        let files = Rc::new(RefCell::new(MemoryFiles::new(4 << 20)));
        let boxed = || Box::new(shared.clone());
        let services = Services {
            processes: boxed(),
            logs: boxed(),
            clock: boxed(),
            power: boxed(),
            files: Some(Box::new(FakeFiles(files))),
            devices: boxed(),
            can: boxed(),
            networks: boxed(),
            i2c: boxed(),
            actuators: boxed(),
            sensors: boxed(),
            serials: boxed(),
            displays: boxed(),
            watchdogs: boxed(),
            scripts: boxed(),
            console: boxed(),
            host: boxed(),
        };
        Session { shell: Shell::new(services), shared }
    }

    pub fn world(&self) -> RefMut<'_, World> {
        self.shared.world()
    }

    /// Runs a line, without a prompt; what it printed.
    pub fn line(&mut self, line: &str) -> String {
        let _ = self.shell.run_line(line);
        core::mem::take(&mut self.world().output)
    }

    /// Types at the prompt until one line is done; what the console got.
    pub fn typed(&mut self, bytes: &str) -> String {
        self.world().input.extend(bytes.bytes());
        self.shell.turn();
        core::mem::take(&mut self.world().output)
    }
}
