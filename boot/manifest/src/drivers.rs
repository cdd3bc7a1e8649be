//! Drivers that the device manager starts: which devices they match (`[match]` of `component.toml`), which of them a system has
//! (`[[driver]]` of the system file), and who may open which device.

use std::collections::BTreeMap;

use airox_admission::REAL_TIME;
use airox_bundle::system::{ALL_PROCESSORS, Component, ConfigurationRegister, Driver, IdentityMatch, Restart, Time};

use crate::component::{COMPONENT_NAME_LENGTH, ComponentManifest};
use crate::interfaces::Member;
use crate::problem::{Kind, Problems};
use crate::quota::DEFAULT_MARGIN;
use crate::reader::{At, Reader};
use crate::source::{Source, Span};
use crate::system_file::{DEFAULT_RESTART, SystemFile, priority, read_restart};

/// The interface of the device manager.
const DEVICE_INTERFACE: &str = "device";
/// What the device manager can give a driver.
const INTERFACES_OF_DRIVERS: [&str; 3] = ["log", DEVICE_INTERFACE, USB_INTERFACE];
/// The interface of a USB device's interface, for its driver.
const USB_INTERFACE: &str = "usb";
/// Processes of a driver have its name and a number of up to three digits.
const NUMBER_DIGITS: usize = 3;
const MAX_INTERRUPTS: u64 = 32;
const MAX_CLASS: u64 = 0xff_ffff;
/// Configuration space from here on is the device's own, as far as no capability is there.
const OWN_CONFIGURATION: u64 = 0x40;

/// `[match]` of a `component.toml`.
#[derive(Clone, Debug)]
pub(crate) struct Matching {
    path: String,
    pci: Vec<IdentityMatch>,
    usb: Vec<IdentityMatch>,
    interrupts: u32,
    dma: bool,
    configuration: Vec<ConfigurationRegister>,
}

impl Matching {
    pub fn read(mut table: Reader<'_>, source: &Source, problems: &mut Problems) -> Option<Matching> {
        let span = table.span.clone();
        let path = table.required("path", problems, Reader::string);
        let interrupts = table.number("interrupts", 0, MAX_INTERRUPTS, problems);
        let dma = table.boolean("dma", problems).is_some_and(|dma| dma.value);
        let [pci, usb] = ["pci", "usb"].map(|key| {
            let entries = table.tables(key, problems);
            entries.into_iter().map(|entry| read_match(entry, source, problems)).collect::<Vec<_>>()
        });
        let registers = table.tables("configuration", problems);
        let configuration =
            registers.into_iter().filter_map(|entry| read_register(entry, source, problems)).collect::<Vec<_>>();
        table.finish(problems);
        if pci.is_empty() && usb.is_empty() {
            let reason = "`[match]` names no device; write pci = [{ ... }] or usb = [{ ... }]";
            problems.add(Kind::BadMatch, source, &span, reason);
        }
        let path = path?;
        let mut parts = path.value.split('/');
        if !matches!((parts.next(), parts.next(), parts.next()), (Some(class), Some(name), None) if is_word(class) && is_word(name))
        {
            let reason = format!("`{}` is no class and name of devices, such as \"block/disk\"", path.value);
            problems.add(Kind::BadDevicePath, source, &path.span, reason);
        }
        let interrupts = interrupts.map_or(1, |number| number.value as u32);
        Some(Matching { path: path.value, pci, usb, interrupts, dma, configuration })
    }
}

fn read_match(mut table: Reader<'_>, source: &Source, problems: &mut Problems) -> IdentityMatch {
    let span = table.span.clone();
    let mut number = |key, high| table.number(key, 0, high, problems).map(|number| number.value);
    let vendor = number("vendor", 0xfffe).map(|number| number as u16);
    let device = number("device", 0xffff).map(|number| number as u16);
    let class = number("class", MAX_CLASS).map(|number| number as u32);
    table.finish(problems);
    if vendor.is_none() && (class.is_none() || device.is_some()) {
        let reason = "a match needs a `vendor` or a `class`, and a `device` is one of a vendor's";
        problems.add(Kind::BadMatch, source, &span, reason);
    }
    IdentityMatch { vendor, device, class }
}

fn read_register(mut table: Reader<'_>, source: &Source, problems: &mut Problems) -> Option<ConfigurationRegister> {
    let span = table.span.clone();
    let offset = table.required("offset", problems, |table, key, problems| {
        table.number(key, OWN_CONFIGURATION, u8::MAX.into(), problems)
    });
    let bytes = table.required("bytes", problems, |table, key, problems| table.number(key, 1, 4, problems));
    table.finish(problems);
    let (offset, bytes) = (offset?.value as u8, bytes?.value as u8);
    if !bytes.is_power_of_two() || !offset.is_multiple_of(bytes) {
        let reason = "a register has 1, 2 or 4 bytes and is at a multiple of them";
        problems.add(Kind::BadMatch, source, &span, reason);
    }
    Some(ConfigurationRegister { offset, bytes })
}

/// Letters, digits and hyphens, not ending with a digit: a number follows.
fn is_word(word: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
    !word.is_empty() && word.chars().all(fits) && !word.ends_with(|letter: char| letter.is_ascii_digit())
}

/// Reads `devices` of a `[[component]]`.
pub(crate) fn device_paths(table: &mut Reader<'_>, source: &Source, problems: &mut Problems) -> Vec<At<String>> {
    let paths = table.strings("devices", problems);
    for path in &paths {
        let mut parts = path.value.split('/');
        let rooted = parts.next() == Some("") && parts.next() == Some("dev");
        let rest: Vec<&str> = parts.collect();
        if !rooted || !(2..=3).contains(&rest.len()) || rest.iter().any(|part| part.is_empty()) {
            let reason =
                format!("`{}` is no path of a device, such as \"/dev/block/disk0\", or of a part of one", path.value);
            problems.add(Kind::BadDevicePath, source, &path.span, reason);
        }
    }
    paths
}

/// One `[[driver]]`.
#[derive(Debug)]
pub(crate) struct DriverEntry {
    name: At<String>,
    priority: At<u8>,
    memory: Option<At<u64>>,
    arguments: Vec<String>,
    trusted: bool,
    restart: Restart,
}

impl DriverEntry {
    pub fn read(mut table: Reader<'_>, source: &Source, problems: &mut Problems) -> Option<DriverEntry> {
        let longest = COMPONENT_NAME_LENGTH - NUMBER_DIGITS;
        let name = table.required("name", problems, |table, key, problems| table.name(key, longest, problems));
        let priority = table.required("priority", problems, priority);
        let memory = table.size("memory", problems);
        let arguments = table.strings("arguments", problems);
        let trust = table.string("trust", problems);
        let restart = table.table("restart", problems);
        let restart = restart.map_or(DEFAULT_RESTART, |table| read_restart(table, source, problems));
        table.finish(problems);
        if let Some(word) = &trust
            && word.value != "dma"
        {
            let reason = format!("`{}` is nothing a driver can be trusted with; write \"dma\"", word.value);
            problems.add(Kind::UnknownWord, source, &word.span, reason);
        }
        Some(DriverEntry {
            name: name?,
            priority: priority?,
            memory,
            arguments: arguments.into_iter().map(|argument| argument.value).collect(),
            trusted: trust.is_some(),
            restart,
        })
    }
}

/// Checks a system's drivers and who opens devices.
pub(crate) fn compile(
    file: &SystemFile,
    manifests: &BTreeMap<String, ComponentManifest>,
    complete: bool,
    members: &[Member<'_>],
    source: &Source,
    problems: &mut Problems,
) -> Vec<Driver> {
    check_members(members, source, problems);
    let manager =
        members.iter().find(|member| member.manifest.provides.iter().any(|name| name.value == DEVICE_INTERFACE));
    let mut drivers: Vec<Driver> = Vec::new();
    for entry in &file.drivers {
        let (name, span) = (&entry.name.value, &entry.name.span);
        if drivers.iter().any(|other| other.component.name == *name)
            || members.iter().any(|member| member.entry.name.value == *name)
        {
            problems.add(Kind::DuplicateComponent, source, span, format!("two components are named `{name}`"));
            continue;
        }
        match manifests.get(name) {
            Some(manifest) => drivers.extend(driver(entry, manifest, source, problems)),
            None if complete => {
                let reason = format!("no component.toml is named `{name}`");
                problems.add(Kind::UnknownComponent, source, span, reason);
            }
            None => {}
        }
        match manager {
            None => {
                let reason = format!("`{name}` is started by the device manager, and nobody provides `device`");
                problems.add(Kind::NoDeviceManager, source, span, reason);
            }
            Some(manager) => check_priority(entry, manager, members, source, problems),
        }
    }
    let opening = members.iter().filter(|member| manager.is_none() && !member.entry.devices.is_empty());
    for member in opening {
        let reason = format!("`{}` opens devices, and nobody provides `device`", member.entry.name.value);
        problems.add(Kind::NoDeviceManager, source, &member.entry.devices[0].span, reason);
    }
    drivers
}

/// Components neither match devices, nor wait for one in a job that has a deadline.
fn check_members(members: &[Member<'_>], source: &Source, problems: &mut Problems) {
    for Member { entry, manifest } in members {
        let name = &entry.name.value;
        if manifest.matching.is_some() {
            let reason = format!("`{name}` has a `[match]`: the device manager starts it; write it as a `[[driver]]`");
            problems.add(Kind::BadMatch, source, &entry.name.span, reason);
        }
        if let (Some(path), Some(_)) = (entry.devices.first(), entry.time.time.deadline_us) {
            let reason = format!("`{name}` has a deadline, and nobody says for how long a device keeps its callers");
            problems.add(Kind::UnboundedDelay, source, &path.span, reason);
        }
    }
}

/// A driver calls the device manager, and has no budget.
fn check_priority(
    entry: &DriverEntry,
    manager: &Member<'_>,
    members: &[Member<'_>],
    source: &Source,
    problems: &mut Problems,
) {
    let (name, own, span) = (&entry.name.value, entry.priority.value, &entry.priority.span);
    let other = manager.entry.priority.value;
    if other < own {
        let manager = &manager.entry.name.value;
        let reason = format!("`{name}` (priority {own}) would call `{manager}` (priority {other}) for `device`");
        problems.add(Kind::CallToLowerPriority, source, span, reason);
    }
    if own >= REAL_TIME {
        let reason = format!("`{name}` would have priority {own}, which needs a budget; drivers have none");
        problems.add(Kind::NeedsBudget, source, span, reason);
    }
    let late = members.iter().find(|member| {
        member.entry.time.time.deadline_us.is_some() && member.entry.priority.value <= own && own < REAL_TIME
    });
    if let Some(late) = late {
        let late = &late.entry.name.value;
        let reason = format!("`{name}` has no budget and could keep `{late}` from its deadline for ever");
        problems.add(Kind::UnboundedDelay, source, span, reason);
    }
}

/// The record of one driver, if the device manager can start it.
fn driver(
    entry: &DriverEntry,
    manifest: &ComponentManifest,
    source: &Source,
    problems: &mut Problems,
) -> Option<Driver> {
    let (name, span) = (&entry.name.value, &entry.name.span);
    let mut refuse = |span: &Span, reason: String| problems.add(Kind::BadMatch, source, span, reason);
    let Some(matching) = &manifest.matching else {
        refuse(span, format!("`{name}` has no `[match]`: nobody could tell for which devices it is"));
        return None;
    };
    if manifest.provides.len() != 1 {
        refuse(span, format!("`{name}` provides {} interfaces; a driver provides one", manifest.provides.len()));
    }
    if let Some(other) = manifest.uses.iter().find(|used| !INTERFACES_OF_DRIVERS.contains(&used.value.as_str())) {
        refuse(span, format!("`{name}` uses `{}`; a driver can use `log`, `device` and `usb`", other.value));
    }
    if matching.usb.is_empty() == manifest.uses.iter().any(|used| used.value == USB_INTERFACE) {
        refuse(span, format!("`{name}` matches USB devices and does not use `usb`, or the other way round"));
    }
    if !manifest.resources.is_empty() || !manifest.grants.is_empty() {
        refuse(span, format!("`{name}` asks for resources or grants; a driver gets what its device has"));
    }
    if matching.dma && !entry.trusted {
        let reason =
            format!("devices of `{name}` may read and write all memory; if that is meant, write trust = \"dma\"");
        problems.add(Kind::UntrustedDma, source, span, reason);
    }
    let needed = manifest.stack + manifest.heap;
    let memory = entry.memory.as_ref().map_or(needed + DEFAULT_MARGIN, |memory| memory.value);
    if let Some(span) = entry.memory.as_ref().map(|memory| &memory.span).filter(|_| memory < needed) {
        let (given, needed) = (memory >> 10, needed >> 10);
        let reason = format!("`{name}` gets {given} KiB, but its stack and heap need {needed} KiB");
        problems.add(Kind::ComponentTooLarge, source, span, reason);
    }
    Some(Driver {
        component: Component {
            name: name.clone(),
            program: manifest.program.value.clone(),
            kind: manifest.kind,
            arguments: entry.arguments.clone(),
            priority: entry.priority.value,
            max_priority: entry.priority.value,
            stack: manifest.stack as u32,
            heap: manifest.heap as u32,
            limits: manifest.objects.limits(memory, manifest.provides.len(), (0, 0)),
            time: Time::default(),
            processors: ALL_PROCESSORS,
            provides: manifest.provides.iter().map(|name| name.value.clone()).collect(),
            uses: Vec::new(),
            resources: Vec::new(),
            grants: Vec::new(),
            restart: entry.restart,
            devices: Vec::new(),
            files: Vec::new(),
            mounts: Vec::new(),
        },
        pci: matching.pci.clone(),
        usb: matching.usb.clone(),
        path: matching.path.clone(),
        interrupts: matching.interrupts,
        dma: matching.dma,
        configuration: matching.configuration.clone(),
    })
}
