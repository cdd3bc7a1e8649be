//! The compiled system file: who runs, with which priority, memory and authority. `boot/manifest` makes it from
//! `component.toml` and system files after checking every rule; `init` reads it and does exactly what it says.

use alloc::string::String;
use alloc::vec::Vec;

pub use airox_file_system::{Access, FileGrant};
use serde::{Deserialize, Serialize};

use crate::BundleError;

/// [`Component::processors`] of one that may run on every processor of the machine.
pub const ALL_PROCESSORS: u64 = u64::MAX;

/// A whole system.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct System {
    /// Its name, as people see it.
    pub name: String,
    /// Whether the kernel records events for `cargo xtask inspect`.
    pub trace: bool,
    /// How many processors it is made for; on a machine with fewer, components that begin on a missing one do not run.
    pub processors: u32,
    /// Its components, in start order: every provider comes before its clients.
    pub components: Vec<Component>,
    /// Its drivers: the device manager starts one process for each device that one of them matches.
    pub drivers: Vec<Driver>,
}

/// A driver and the devices it is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Driver {
    /// What its processes are like. Their names are this one and a number; `limits` are each process's.
    pub component: Component,
    /// It drives the PCI functions that any of these matches,
    pub pci: Vec<IdentityMatch>,
    /// and the interfaces of USB devices that any of these matches.
    pub usb: Vec<IdentityMatch>,
    /// Class and name of its devices: `block/disk` for `/dev/block/disk0`.
    pub path: String,
    /// Most interrupts that it can use.
    pub interrupts: u32,
    /// Whether its devices read and write memory by themselves.
    pub dma: bool,
    /// Registers in configuration space that it may write.
    pub configuration: Vec<ConfigurationRegister>,
}

/// A register in the part of a PCI function's configuration space that is the device's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigurationRegister {
    /// Where, a multiple of its bytes.
    pub offset: u8,
    /// How many bytes: 1, 2 or 4.
    pub bytes: u8,
}

/// PCI functions, or interfaces of USB devices, by what they say of themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityMatch {
    /// Of this vendor.
    pub vendor: Option<u16>,
    /// This device of the vendor.
    pub device: Option<u16>,
    /// Of this class, subclass and programming interface (USB: protocol): `0xCCSSPP`.
    pub class: Option<u32>,
}

/// One process that init starts and supervises.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Component {
    /// Its name, at most 16 bytes, unique in the system.
    pub name: String,
    /// The program of the bundle it runs.
    pub program: String,
    /// What it is, for people.
    pub kind: ComponentKind,
    /// The program's arguments.
    pub arguments: Vec<String>,
    /// Priority of its first thread, 0 (lowest) to 255.
    pub priority: u8,
    /// Highest priority it may give to its threads.
    pub max_priority: u8,
    /// Bytes of its first thread's stack, a multiple of 4096.
    pub stack: u32,
    /// Bytes of its heap, a multiple of 4096.
    pub heap: u32,
    /// Its quota, in the order of the kernel's `QuotaKind` codes: frames, handles, processes, threads, ports, signals,
    /// regions, quotas, resources, processor time in millionths.
    pub limits: [u32; 10],
    /// Its processor time.
    pub time: Time,
    /// The processors that its threads may run on: bit n for processor n, [`ALL_PROCESSORS`] for whatever there is. It begins, and has its
    /// budget, on the first of them.
    pub processors: u64,
    /// Names of the interfaces it serves; it gets one port for each.
    pub provides: Vec<String>,
    /// The interfaces it calls.
    pub uses: Vec<Use>,
    /// The file systems it puts into its namespace, if it is the file service.
    pub mounts: Vec<Mount>,
    /// The files that it may use.
    pub files: Vec<FileGrant>,
    /// The machine resources it owns.
    pub resources: Vec<Resource>,
    /// Special authorities.
    pub grants: Vec<Grant>,
    /// What happens when it ends.
    pub restart: Restart,
    /// Paths of the devices that it may open at the device manager.
    pub devices: Vec<String>,
}

/// How a component gets processor time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Time {
    /// The budget its threads share; without one they run whenever their priority lets them.
    pub budget: Option<Budget>,
    /// Whether its first thread runs on its callers' time alone once it serves.
    pub passive: bool,
    /// A job of it must have ended so long after its release, in microseconds.
    pub deadline_us: Option<u32>,
    /// Most calls that one job makes, its servers' calls for it included.
    pub calls_per_job: Option<u32>,
    /// The longest that it serves one call, its own calls included, in microseconds of processor time.
    pub longest_call_us: Option<u32>,
    /// Length of its first thread's turns among equals, in hundredths of the usual one.
    pub weight: u16,
    /// Processor time that it may give to programs, in millionths of each of its processors. It is not part of `limits`.
    pub for_programs: u32,
}

impl Default for Time {
    fn default() -> Time {
        Time {
            budget: None,
            passive: false,
            deadline_us: None,
            calls_per_job: None,
            longest_call_us: None,
            weight: 100,
            for_programs: 0,
        }
    }
}

/// So much processor time in each period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Microseconds of processor time.
    pub time_us: u32,
    /// Microseconds.
    pub period_us: u32,
    /// What happens when it has run out.
    pub on_overrun: OnOverrun,
}

/// What happens to a thread whose budget has run out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnOverrun {
    /// It waits until there is time again.
    Wait,
    /// It faults, which ends the component.
    Fault,
}

/// What a component is, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ComponentKind {
    /// Owns a device.
    Driver,
    /// Serves an interface.
    Service,
    /// Talks to a person.
    App,
}

/// One interface a component calls. It becomes a send handle badged with the client's number: its index in
/// [`System::components`] plus 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Use {
    /// The interface; with a colon and a name of the client's own behind it, if it may use several providers (`sensor:gps0`).
    pub interface: String,
    /// The component that provides it.
    pub provider: String,
}

/// A file system in the namespace. It becomes a handle without a badge, named by [`Mount::handle_name`], with which the file service mints its clients'.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// Where it is: a normal path.
    pub path: String,
    /// The component that provides it.
    pub provider: String,
}

impl Mount {
    /// The name under which the file service finds its handle.
    #[must_use]
    pub fn handle_name(&self) -> String {
        alloc::format!("mount:{}:{}", self.provider, self.path)
    }
}

/// The interface of file systems: what a mounted component provides.
pub const FILE_SYSTEM_INTERFACE: &str = "file-system";
/// The interface of the file service.
pub const FILES_INTERFACE: &str = "files";

impl Use {
    /// The interface itself: what stands before the colon, if it is used under a name of its own (`sensor:gps0`).
    #[must_use]
    pub fn interface_name(&self) -> &str {
        self.interface.split(':').next().unwrap_or_default()
    }
}

/// A machine resource, under the name the component knows it by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Resource {
    /// x86 I/O ports.
    IoPorts {
        /// The component's name for it.
        name: String,
        /// First port.
        first: u16,
        /// How many ports.
        count: u16,
    },
    /// An interrupt line.
    Irq {
        /// The component's name for it.
        name: String,
        /// Global interrupt number (before ACPI overrides: the ISA line).
        line: u32,
    },
    /// Device memory.
    Mmio {
        /// The component's name for it.
        name: String,
        /// Physical address, page-aligned.
        address: u64,
        /// Length in pages.
        pages: u32,
        /// Whether it may be written; it is never executable.
        writable: bool,
    },
    /// The frame buffer firmware set up.
    Framebuffer {
        /// The component's name for it.
        name: String,
    },
    /// The ACPI tables, read-only.
    AcpiTables {
        /// The component's name for it.
        name: String,
    },
    /// PCI: configuration space, the memory that devices can be given, and all message-signalled interrupts.
    Pci {
        /// The component's name for it.
        name: String,
    },
}

impl Resource {
    /// The component's name for it.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Resource::IoPorts { name, .. }
            | Resource::Irq { name, .. }
            | Resource::Mmio { name, .. }
            | Resource::Framebuffer { name }
            | Resource::AcpiTables { name }
            | Resource::Pci { name } => name,
        }
    }
}

/// A special authority that is neither an interface nor a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Grant {
    /// The system bundle, read-only and executable, and the component's own quota: to spawn programs.
    Bundle,
    /// Kernel-wide statistics.
    KernelInfo,
    /// All of init's `supervisor` interface, through the handle every component has: list, kill and restart components.
    Supervisor,
    /// The unbadged, administrating side of the `log` interface: names for badges.
    LogAdmin,
}

impl Grant {
    /// Every grant.
    pub const ALL: [Grant; 4] = [Grant::Bundle, Grant::KernelInfo, Grant::Supervisor, Grant::LogAdmin];

    /// Its name in `component.toml`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Grant::Bundle => "bundle",
            Grant::KernelInfo => "kernel-info",
            Grant::Supervisor => "supervisor",
            Grant::LogAdmin => "log-admin",
        }
    }
}

/// When a component is started again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RestartPolicy {
    /// Whenever it ends.
    Always,
    /// When it faults, panics, is killed, or exits with a code other than 0.
    OnFailure,
    /// Never.
    Never,
}

/// What happens when a component ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restart {
    /// When it is started again.
    pub policy: RestartPolicy,
    /// At most so many restarts within the window; then it stays down.
    pub max_restarts: u32,
    /// The window in milliseconds.
    pub window_ms: u32,
    /// Wait before the first restart, in milliseconds; doubled for each further one.
    pub backoff_ms: u32,
    /// The longest wait, in milliseconds.
    pub backoff_max_ms: u32,
}

impl System {
    /// Decodes a system record.
    ///
    /// # Errors
    /// [`BundleError::InvalidSystem`] if the bytes are not one.
    pub fn from_bytes(bytes: &[u8]) -> Result<System, BundleError> {
        postcard::from_bytes(bytes).map_err(|_| BundleError::InvalidSystem)
    }

    /// Encodes a system record.
    ///
    /// # Errors
    /// [`BundleError::InvalidSystem`] if it cannot be encoded.
    pub fn to_bytes(&self) -> Result<Vec<u8>, BundleError> {
        postcard::to_allocvec(self).map_err(|_| BundleError::InvalidSystem)
    }

    /// The component of this name.
    #[must_use]
    pub fn component(&self, name: &str) -> Option<&Component> {
        self.components.iter().find(|component| component.name == name)
    }
}

impl Component {
    /// The number of the processor it begins on.
    #[must_use]
    pub const fn first_processor(&self) -> u32 {
        self.processors.trailing_zeros()
    }
}
