//! `component.toml`: what a component needs.
//!
//! ```toml
//! [component]
//! name = "serial-console"        # unique in the workspace
//! summary = "Console on a 16550 serial line"
//! kind = "driver"                # driver, service or app
//! program = "serial-console"     # default: the name
//! provides = ["console"]         # interfaces served, one port each
//! uses = ["log"]                 # interfaces called
//! uses-named = ["sensor"]        # interfaces called at any number of providers, none too: the system file names each (`"sensor:gps0" = "gps"`)
//! grants = []                    # bundle, kernel-info, supervisor, log-admin
//! stack = "32K"                  # of the first thread
//! heap = "128K"
//! threads = 1                    # kernel objects the component makes for itself, beyond what starting it takes
//! budgets = 0                    # and budgets that it makes, also for programs
//! handles = 64
//!
//! [match]                        # of a driver that the device manager starts: see `drivers.rs`
//! path = "block/disk"            # its devices are /dev/block/disk0 and so on
//! pci = [{ vendor = 0x1af4, device = 0x1042 }, { class = 0x010802 }]  # any of these
//! interrupts = 1                 # message-signalled ones that it can use
//! dma = true                     # its devices read and write memory by themselves
//! configuration = [{ offset = 0x60, bytes = 2 }]  # registers of the device's own in configuration space that it may write
//!
//! [resources]                    # machine resources, by the component's own names, and what it needs of each
//! uart = ["io-ports", "irq"]
//! ```

use airox_bundle::NAME_CAPACITY;
use airox_bundle::system::{ComponentKind, Grant};

use crate::drivers::Matching;
use crate::problem::{Kind, Problem, Problems};
use crate::quota::Objects;
use crate::reader::{At, Reader, parse};
use crate::source::Source;

/// Bytes of a component's name: what the kernel keeps of a process's name.
pub(crate) const COMPONENT_NAME_LENGTH: usize = airox_abi::layout::NAME_LENGTH;
/// Bytes of an interface's, resource's or system's name.
pub(crate) const NAME_LENGTH: usize = NAME_CAPACITY;

const PAGE: u64 = airox_abi::layout::PAGE_SIZE;
const MIN_STACK: u64 = 16 << 10;
const MAX_STACK: u64 = 16 << 20;
const MAX_HEAP: u64 = 1 << 30;

/// What a resource can be needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResourceKind {
    IoPorts,
    Irq,
    Mmio,
    Framebuffer,
    AcpiTables,
    Pci,
}

impl ResourceKind {
    const ALL: [ResourceKind; 6] = [
        ResourceKind::IoPorts,
        ResourceKind::Irq,
        ResourceKind::Mmio,
        ResourceKind::Framebuffer,
        ResourceKind::AcpiTables,
        ResourceKind::Pci,
    ];

    pub fn name(self) -> &'static str {
        match self {
            ResourceKind::IoPorts => "io-ports",
            ResourceKind::Irq => "irq",
            ResourceKind::Mmio => "mmio",
            ResourceKind::Framebuffer => "framebuffer",
            ResourceKind::AcpiTables => "acpi-tables",
            ResourceKind::Pci => "pci",
        }
    }
}

/// A checked `component.toml`.
#[derive(Clone, Debug)]
pub struct ComponentManifest {
    pub(crate) source: Source,
    pub(crate) name: At<String>,
    pub(crate) summary: String,
    pub(crate) kind: ComponentKind,
    pub(crate) program: At<String>,
    pub(crate) provides: Vec<At<String>>,
    pub(crate) uses: Vec<At<String>>,
    pub(crate) uses_named: Vec<At<String>>,
    pub(crate) grants: Vec<Grant>,
    pub(crate) resources: Vec<ResourceNeed>,
    pub(crate) stack: u64,
    pub(crate) heap: u64,
    pub(crate) objects: Objects,
    /// Which devices it is for, if the device manager starts it.
    pub(crate) matching: Option<Matching>,
}

/// A machine resource a component needs.
#[derive(Clone, Debug)]
pub(crate) struct ResourceNeed {
    pub name: At<String>,
    pub kinds: Vec<At<ResourceKind>>,
}

impl ComponentManifest {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name.value
    }

    /// One line for people.
    #[must_use]
    pub fn summary(&self) -> &str {
        &self.summary
    }

    /// Whether interrupts are among its resources.
    pub(crate) fn waits_for_interrupts(&self) -> bool {
        let mut kinds = self.resources.iter().flat_map(|need| &need.kinds);
        kinds.any(|kind| kind.value == ResourceKind::Irq)
    }

    /// The program it runs.
    #[must_use]
    pub fn program(&self) -> &str {
        &self.program.value
    }
}

/// Reads one `component.toml`.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse_component(source: &Source) -> Result<ComponentManifest, Vec<Problem>> {
    let mut problems = Problems::default();
    match read(source, &mut problems) {
        Some(manifest) if problems.is_empty() => Ok(manifest),
        _ => Err(problems.sorted()),
    }
}

fn read(source: &Source, problems: &mut Problems) -> Option<ComponentManifest> {
    let mut file = Reader::new(source, 0..0, parse(source, problems)?);
    let component = file.table("component", problems);
    let resources = file.table("resources", problems);
    let matching = file.table("match", problems);
    if component.is_none() {
        file.missing("component", problems);
    }
    file.finish(problems);
    let mut table = component?;

    let name =
        table.required("name", problems, |table, key, problems| table.name(key, COMPONENT_NAME_LENGTH, problems));
    let summary = table.required("summary", problems, Reader::string);
    let kind = table.required("kind", problems, Reader::string);
    let kind = kind.and_then(|word| component_kind(&word, source, problems));
    let program = table.name("program", NAME_LENGTH, problems).or(name.clone());
    let provides = table.names("provides", NAME_LENGTH, problems);
    report_duplicates(&provides, source, problems);
    let uses = table.names("uses", NAME_LENGTH, problems);
    let uses_named = table.names("uses-named", NAME_LENGTH, problems);
    let grants = table.strings("grants", problems);
    let grants = grants.iter().filter_map(|word| grant(word, source, problems)).collect();
    let stack = page_size(&mut table, source, "stack", 64 << 10, MIN_STACK..=MAX_STACK, problems);
    let heap = page_size(&mut table, source, "heap", 256 << 10, 0..=MAX_HEAP, problems);
    let objects = Objects::read(&mut table, problems);
    table.finish(problems);
    let resources = resources.map_or_else(Vec::new, |table| resource_needs(table, source, problems));

    let matching = matching.and_then(|table| Matching::read(table, source, problems));

    Some(ComponentManifest {
        source: source.clone(),
        name: name?,
        summary: summary?.value,
        kind: kind?,
        program: program?,
        provides,
        uses,
        uses_named,
        grants,
        resources,
        stack,
        heap,
        objects,
        matching,
    })
}

fn component_kind(word: &At<String>, source: &Source, problems: &mut Problems) -> Option<ComponentKind> {
    match word.value.as_str() {
        "driver" => Some(ComponentKind::Driver),
        "service" => Some(ComponentKind::Service),
        "app" => Some(ComponentKind::App),
        other => {
            let reason = format!("`{other}` is no kind of component; kinds: driver, service, app");
            problems.add(Kind::UnknownWord, source, &word.span, reason);
            None
        }
    }
}

fn grant(word: &At<String>, source: &Source, problems: &mut Problems) -> Option<Grant> {
    let found = Grant::ALL.into_iter().find(|grant| grant.name() == word.value);
    if found.is_none() {
        let known: Vec<&str> = Grant::ALL.iter().map(|grant| grant.name()).collect();
        let reason = format!("`{}` is no grant; grants: {}", word.value, known.join(", "));
        problems.add(Kind::UnknownWord, source, &word.span, reason);
    }
    found
}

fn page_size(
    table: &mut Reader<'_>,
    source: &Source,
    key: &'static str,
    default: u64,
    range: std::ops::RangeInclusive<u64>,
    problems: &mut Problems,
) -> u64 {
    let Some(size) = table.size(key, problems) else {
        return default;
    };
    if !range.contains(&size.value) {
        let reason = format!("`{key}` is {} bytes; it must be {} to {}", size.value, range.start(), range.end());
        problems.add(Kind::OutOfRange, source, &size.span, reason);
        return default;
    }
    size.value.next_multiple_of(PAGE)
}

fn report_duplicates(names: &[At<String>], source: &Source, problems: &mut Problems) {
    for (index, name) in names.iter().enumerate() {
        if names[..index].iter().any(|other| other.value == name.value) {
            let reason = format!("the interface `{}` is listed twice", name.value);
            problems.add(Kind::DuplicateInterface, source, &name.span, reason);
        }
    }
}

fn resource_needs(table: Reader<'_>, source: &Source, problems: &mut Problems) -> Vec<ResourceNeed> {
    let mut needs = Vec::new();
    for (name, words) in table.into_lists(problems) {
        let mut kinds = Vec::new();
        for word in words {
            match ResourceKind::ALL.into_iter().find(|kind| kind.name() == word.value) {
                Some(kind) => kinds.push(At::new(kind, word.span)),
                None => {
                    let known: Vec<&str> = ResourceKind::ALL.iter().map(|kind| kind.name()).collect();
                    let reason = format!("`{}` is no kind of resource; kinds: {}", word.value, known.join(", "));
                    problems.add(Kind::UnknownWord, source, &word.span, reason);
                }
            }
        }
        needs.push(ResourceNeed { name, kinds });
    }
    needs
}
