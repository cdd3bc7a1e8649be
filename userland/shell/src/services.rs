//! What the shell asks of the rest of the system, one trait a service, so that every command is tested on
//! the host against fakes. The guest binary implements them with the clients of `airox-api`.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

pub use crate::verify::Report;

pub use airox_api::actuator::{ActuatorError, Output, Outputs};
pub use airox_api::can;
pub use airox_api::device::DeviceEntry;
pub use airox_api::display::Size;
pub use airox_api::files::{
    Access, Attributes, Checked, Create, FileError, FileGrant, How, Kind as FileKind, Listed, Listing, Mounted, Quota,
    Usage,
};
pub use airox_api::i2c;
pub use airox_api::log::{Level, Record, SourceLevel};
pub use airox_api::network::Status as NetworkStatus;
pub use airox_api::process::{Budget, BudgetUse, ExitStatus, HandleEntry, Kind, Memory, ProcessEntry, State, Terms};

pub use airox_api::watchdog::WatchdogStatus;

pub use airox_api::sensor::{Channel, Description, News, Quality, Reading, SensorError, SensorKind, Statistics, Unit};

pub use crate::trace::Piece;

/// Why a service did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The server died during the call; a later call reaches its next instance.
    Died(&'static str),
    /// This shell was given no handle to the service.
    Missing(&'static str),
    /// The service's own reason, a sentence.
    Refused(String),
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Died(service) => write!(formatter, "the {service} server died before it answered; try again"),
            Failure::Missing(service) => write!(formatter, "this shell has no access to the {service} server"),
            Failure::Refused(reason) => formatter.write_str(reason),
        }
    }
}

impl core::error::Error for Failure {}

/// What a service answers.
pub type Answer<T> = Result<T, Failure>;

/// How a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited<T> {
    /// What was waited for came.
    Done(T),
    /// Ctrl-C came first.
    Interrupted,
}

/// Who is to be ended when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doom {
    /// The process, by its number or name.
    pub process: String,
    /// Nanoseconds since boot.
    pub at_ns: u64,
}

/// When a process was ended, in nanoseconds since boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Killed {
    /// When it was asked for; the process was alive.
    pub asked_ns: u64,
    /// When it was done; the process was dead.
    pub done_ns: u64,
}

/// Processes and programs.
pub trait Processes {
    /// Names of the programs that can be run.
    fn programs(&mut self) -> Answer<Vec<String>>;
    /// Every process.
    fn list(&mut self) -> Answer<Vec<ProcessEntry>>;
    /// The handles of a process, by its number or name.
    fn handles(&mut self, process: &str) -> Answer<Vec<HandleEntry>>;
    /// Memory and kernel objects of the machine.
    fn memory(&mut self) -> Answer<Memory>;
    /// Events of a processor's trace from the number `sequence` on, as many as come at once; none past the end, and none at all if the system does not
    /// record them.
    fn trace(&mut self, processor: u32, sequence: u64) -> Answer<Piece>;
    /// Starts a program on this console, on these terms, with these files, or the usual ones.
    fn run(&mut self, program: &str, arguments: &[String], terms: Terms, files: Option<Vec<FileGrant>>) -> Answer<u32>;
    /// Waits until a program started by [`Processes::run`] ends.
    fn wait(&mut self, id: u32) -> Answer<Waited<ExitStatus>>;
    /// Ends a process, by its number or name.
    fn kill(&mut self, process: &str) -> Answer<()>;
    /// Ends a process at a time since boot while this thread goes on with something else. `None` until that is done: the same question asked again
    /// later tells when it was.
    fn kill_at(&mut self, doom: &Doom) -> Answer<Option<Killed>>;
    /// Ends a component of the system and starts it anew.
    fn restart(&mut self, name: &str) -> Answer<()>;
}

/// The log server.
pub trait Logs {
    /// The first records newer than `after`, oldest first; empty if there are none.
    fn read(&mut self, after: u64) -> Answer<Vec<Record>>;
    /// The number of the newest record, 0 if there is none.
    fn newest(&mut self) -> Answer<u64>;
    /// Waits until the newest record is another than `after`; returns its number. It is smaller if the log began anew.
    fn wait(&mut self, after: u64) -> Answer<Waited<u64>>;
    /// The sources and their levels.
    fn levels(&mut self) -> Answer<Vec<SourceLevel>>;
    /// Sets a source's level, or that of all (`*`).
    fn set_level(&mut self, server: &str, level: Level) -> Answer<()>;
}

/// The calendar clock, in nanoseconds since 1970, UTC.
pub trait Clock {
    /// The time.
    fn now(&mut self) -> Answer<u64>;
    /// Sets it.
    fn set(&mut self, unix_ns: u64) -> Answer<()>;
}

/// Sensors, by name.
pub trait Sensors {
    /// Names of all sensors that this shell may read.
    fn names(&mut self) -> Answer<Vec<String>>;
    /// What a sensor is.
    fn describe(&mut self, sensor: &str) -> Answer<Description>;
    /// Its last reading, or why there is none.
    fn read(&mut self, sensor: &str) -> Answer<Result<Reading, SensorError>>;
    /// What its driver counted.
    fn statistics(&mut self, sensor: &str) -> Answer<Statistics>;
    /// Waits until its latest news has another number than `after`; `u64::MAX` is answered at once.
    fn next(&mut self, sensor: &str, after: u64) -> Answer<Waited<News>>;
}

/// CAN controllers, by the paths of their devices.
pub trait CanBuses {
    /// How a node is at its bus, and what was counted.
    fn status(&mut self, path: &str) -> Answer<can::Status>;
    /// Sends a frame; comes back when another node has acknowledged it.
    fn send(&mut self, path: &str, frame: can::CanFrame) -> Answer<()>;
    /// Waits for what comes after the event of this number; `u64::MAX` is answered at once.
    fn next(&mut self, path: &str, after: u64) -> Answer<Waited<can::News>>;
    /// Asks a node back that went off its bus.
    fn recover(&mut self, path: &str) -> Answer<()>;
}

/// Buses of the I2C family, by the paths of their devices.
pub trait I2cBuses {
    /// Whether a device answers at an address.
    fn probe(&mut self, path: &str, address: u8) -> Answer<bool>;
    /// Writes, then reads so many bytes.
    fn transfer(&mut self, path: &str, address: u8, write: &[u8], count: u32) -> Answer<Vec<u8>>;
}

/// Actuators, by name.
pub trait Actuators {
    /// Names of all actuators that this shell may use.
    fn names(&mut self) -> Answer<Vec<String>>;
    /// What an actuator is.
    fn describe(&mut self, actuator: &str) -> Answer<Outputs>;
    /// Sets a channel, or lets it go; comes back when the device has confirmed it.
    fn set(&mut self, actuator: &str, channel: u32, value: Option<f64>) -> Answer<()>;
    /// What its channels do, or why that is not known.
    fn read(&mut self, actuator: &str) -> Answer<Result<Reading, SensorError>>;
}

/// The machine's power. Neither call comes back if it succeeds.
pub trait Power {
    /// Switches off.
    fn off(&mut self) -> Answer<()>;
    /// Starts again.
    fn reboot(&mut self) -> Answer<()>;
}

/// What a file or directory says.
pub type FileAnswer<T> = Result<T, FileError>;

/// Files. Paths are normal ones.
pub trait Files {
    /// Opens a file.
    fn open(&mut self, path: &str, how: How) -> FileAnswer<Box<dyn OpenFile>>;
    /// What is known of a path.
    fn stat(&mut self, path: &str) -> FileAnswer<Attributes>;
    /// The entries of a directory from a place on, as many as come at once.
    fn list(&mut self, path: &str, cursor: u64) -> FileAnswer<Listing>;
    /// Makes a directory.
    fn make_directory(&mut self, path: &str) -> FileAnswer<()>;
    /// Removes a file or an empty directory.
    fn remove(&mut self, path: &str, kind: FileKind) -> FileAnswer<()>;
    /// Moves something within its file system.
    fn rename(&mut self, from: &str, to: &str) -> FileAnswer<()>;
    /// Makes the changes of a file system durable.
    fn sync(&mut self, path: &str) -> FileAnswer<()>;
    /// Room in a file system.
    fn usage(&mut self, path: &str) -> FileAnswer<Usage>;
    /// Whether all that a file system keeps is as it should be.
    fn check(&mut self, path: &str) -> FileAnswer<Checked>;
    /// The quota that a path counts for.
    fn quota(&mut self, path: &str) -> FileAnswer<Option<Quota>>;
    /// Limits the bytes and files of a directory.
    fn set_quota(&mut self, path: &str, most_bytes: u64, most_files: u64) -> FileAnswer<()>;
    /// The file systems there are.
    fn mounts(&mut self) -> FileAnswer<Vec<Mounted>>;
}

/// An open file.
pub trait OpenFile {
    /// Reads from `offset` on; fewer bytes than fit only at the end.
    fn read(&mut self, offset: u64, buffer: &mut [u8]) -> FileAnswer<usize>;
    /// Writes all of it from `offset` on.
    fn write(&mut self, offset: u64, bytes: &[u8]) -> FileAnswer<()>;
    /// Writes all of it to the end.
    fn append(&mut self, bytes: &[u8]) -> FileAnswer<()>;
    /// Makes it durable.
    fn sync(&mut self) -> FileAnswer<()>;
}

/// The device manager, and disks it lets this shell open.
pub trait Devices {
    /// Every device.
    fn list(&mut self) -> Answer<Vec<DeviceEntry>>;
    /// Looks for devices that came and went; returns how many there are.
    fn rescan(&mut self) -> Answer<u32>;
    /// The bytes of one block of a disk.
    fn read_block(&mut self, path: &str, block: u64) -> Answer<Vec<u8>>;
    /// Writes to a disk in so many rounds, as the seed says, and reads back; see [`crate::verify`].
    fn verify(&mut self, path: &str, rounds: u64, seed: u64) -> Answer<Report>;
}

/// Network interfaces and random bytes, of devices that this shell may open.
pub trait Networks {
    /// The interface at a device's path, if this shell may use it.
    fn status(&mut self, path: &str) -> Answer<NetworkStatus>;
    /// Sends a frame.
    fn send(&mut self, path: &str, frame: &[u8]) -> Answer<()>;
    /// The next frame; `None` if none comes in so many nanoseconds. The first call begins to listen.
    fn receive(&mut self, path: &str, patience_ns: u64) -> Answer<Option<Vec<u8>>>;
    /// So many random bytes.
    fn random(&mut self, path: &str, count: u32) -> Answer<Vec<u8>>;
}

/// Serial lines, by the paths of their devices.
pub trait Serials {
    /// Sends bytes; comes back when the device has taken them.
    fn send(&mut self, path: &str, bytes: &[u8]) -> Answer<()>;
    /// At most so many bytes that came; none if none come in so many nanoseconds.
    fn receive(&mut self, path: &str, most: usize, patience_ns: u64) -> Answer<Vec<u8>>;
}

/// Displays, by the paths of their devices.
pub trait Displays {
    /// Shows a picture: `pixel` gives red, green and blue of each place, column and row.
    fn show(&mut self, path: &str, pixel: &dyn Fn(Size, u32, u32) -> [u8; 3]) -> Answer<Size>;
}

/// Watchdogs, by the paths of their devices.
pub trait Watchdogs {
    /// How one is.
    fn status(&mut self, path: &str) -> Answer<WatchdogStatus>;
}

/// Scripts for `source`.
pub trait Scripts {
    /// Names of all scripts.
    fn names(&mut self) -> Answer<Vec<String>>;
    /// The text of one.
    fn text(&mut self, name: &str) -> Answer<String>;
}

/// The console, as bytes. A failed call means that its server died; [`Console::reopen`] prepares the next instance.
pub trait Console {
    /// Writes everything.
    fn write(&mut self, text: &str) -> Answer<()>;
    /// Waits for input.
    fn read(&mut self, buffer: &mut [u8]) -> Answer<usize>;
    /// Waits until everything written has left the machine.
    fn flush(&mut self) -> Answer<()>;
    /// Width of the terminal in columns.
    fn columns(&mut self) -> Answer<usize>;
    /// Sets the modes this shell needs.
    fn reopen(&mut self) -> Answer<()>;
}

/// Time since boot, and Ctrl-C.
pub trait Host {
    /// Nanoseconds since boot.
    fn uptime_ns(&mut self) -> u64;
    /// The time-stamp counter, which counts from before boot.
    fn ticks(&mut self) -> u64;
    /// How many of its ticks make a second.
    fn ticks_per_second(&mut self) -> u64;
    /// Waits, unless Ctrl-C comes first.
    fn sleep(&mut self, ns: u64) -> Waited<()>;
    /// Whether Ctrl-C came since the last time this was asked or a wait ended with it.
    fn interrupted(&mut self) -> bool;
}

/// Everything a shell works with.
pub struct Services {
    /// See [`Processes`].
    pub processes: Box<dyn Processes>,
    /// See [`Logs`].
    pub logs: Box<dyn Logs>,
    /// See [`Clock`].
    pub clock: Box<dyn Clock>,
    /// See [`Power`].
    pub power: Box<dyn Power>,
    /// See [`Files`]; `None` if there are none.
    pub files: Option<Box<dyn Files>>,
    /// See [`Devices`].
    pub devices: Box<dyn Devices>,
    /// See [`CanBuses`].
    pub can: Box<dyn CanBuses>,
    /// See [`Networks`].
    pub networks: Box<dyn Networks>,
    /// See [`Actuators`].
    pub actuators: Box<dyn Actuators>,
    /// See [`I2cBuses`].
    pub i2c: Box<dyn I2cBuses>,
    /// See [`Sensors`].
    pub sensors: Box<dyn Sensors>,
    /// See [`Serials`].
    pub serials: Box<dyn Serials>,
    /// See [`Displays`].
    pub displays: Box<dyn Displays>,
    /// See [`Watchdogs`].
    pub watchdogs: Box<dyn Watchdogs>,
    /// See [`Scripts`].
    pub scripts: Box<dyn Scripts>,
    /// See [`Console`].
    pub console: Box<dyn Console>,
    /// See [`Host`].
    pub host: Box<dyn Host>,
}
