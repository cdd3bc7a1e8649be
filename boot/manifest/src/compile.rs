//! From a system file and the workspace's components to the record init follows.

use std::collections::{BTreeMap, BTreeSet};

use airox_bundle::system::{Component, Resource, System};

use crate::Catalog;
use crate::component::{ComponentManifest, parse_component};
use crate::devices::{Owners, check_machine};
use crate::drivers;
use crate::files;
use crate::interfaces::{self, Member, Providers};
use crate::problem::{Kind, Problem, Problems};
use crate::processors;
use crate::quota::DEFAULT_MARGIN;
use crate::reader::At;
use crate::source::Source;
use crate::system_file::{self, Entry, SystemFile};
use crate::timing::{self, Deadline};

/// Memory that is not the components': kernel, bundle, init, firmware.
const RESERVED_MEMORY: u64 = 32 << 20;

/// A system without problems.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The record for init.
    pub system: System,
    /// The program the kernel starts.
    pub root: String,
    /// Every program the bundle must hold, the root included.
    pub programs: BTreeSet<String>,
    /// Bytes of RAM the machine must have.
    pub memory: u64,
    /// Every deadline of the system, with the response that it is compared with.
    pub deadlines: Vec<Deadline>,
}

/// Checks a system file against the workspace's components and compiles it.
///
/// # Errors
/// Every problem, sorted by file and line.
pub fn compile(source: &Source, catalog: &Catalog) -> Result<Compiled, Vec<Problem>> {
    let mut problems = Problems::default();
    let mut broken = Vec::new();
    let components =
        Components { manifests: read_components(catalog, &mut problems, &mut broken), complete: broken.is_empty() };
    let compiled = system_file::read(source, &mut problems)
        .and_then(|file| check(&file, &components, source, catalog, &mut problems));
    let mut all = problems.sorted();
    all.extend(broken);
    all.sort();
    match compiled {
        Some(compiled) if all.is_empty() => Ok(compiled),
        _ => Err(all),
    }
}

/// The components that could be read.
struct Components {
    manifests: BTreeMap<String, ComponentManifest>,
    /// Whether all of them could; else an unknown name may be that of a broken one, which is reported already.
    complete: bool,
}

fn read_components(
    catalog: &Catalog,
    problems: &mut Problems,
    broken: &mut Vec<Problem>,
) -> BTreeMap<String, ComponentManifest> {
    let mut components: BTreeMap<String, ComponentManifest> = BTreeMap::new();
    for source in &catalog.components {
        match parse_component(source) {
            Ok(manifest) => {
                if let Some(other) = components.get(manifest.name()) {
                    let reason = format!("`{}` is also defined in {}", manifest.name(), other.source.file.display());
                    problems.add(Kind::DuplicateComponent, source, &manifest.name.span, reason);
                } else {
                    components.insert(manifest.name().to_owned(), manifest);
                }
            }
            Err(found) => broken.extend(found),
        }
    }
    components
}

fn check(
    file: &SystemFile,
    components: &Components,
    source: &Source,
    catalog: &Catalog,
    problems: &mut Problems,
) -> Option<Compiled> {
    check_machine(&file.devices, file.memory.value, source, problems);
    for program in std::iter::once(&file.root).chain(&file.programs) {
        check_program(program, source, catalog, problems);
    }
    let members = find_members(file, components, source, problems);
    for member in &members {
        let manifest = member.manifest;
        check_program(&manifest.program, &manifest.source, catalog, problems);
    }
    let drivers = drivers::compile(file, &components.manifests, components.complete, &members, source, problems);
    for driver in &drivers {
        if let Some(manifest) = components.manifests.get(&driver.component.name) {
            check_program(&manifest.program, &manifest.source, catalog, problems);
        }
    }
    let mut owners = Owners::new(&file.devices, source);
    let resources: Vec<Vec<Resource>> =
        members.iter().map(|member| owners.assign(member.entry, member.manifest, problems)).collect();
    let providers = interfaces::resolve(&members, source, problems);
    let storage = files::check(&members, &providers, source, problems);
    let called = files::with_mounts(&providers, &storage);
    interfaces::check_priorities(&members, &called, source, problems);
    let order = interfaces::start_order(&members, &called, source, problems);
    check_memory(file, &members, source, problems);

    for member in &members {
        processors::check(member, file.processors, source, problems);
        timing::check_member(member, source, problems);
    }
    let system = System {
        name: file.name.clone(),
        trace: file.trace,
        processors: file.processors,
        components: order
            .iter()
            .map(|index| Component {
                mounts: storage[*index].mounts.iter().map(|(mount, _)| mount.clone()).collect(),
                files: storage[*index].files.clone(),
                ..record(&members, *index, &providers, resources[*index].clone(), file.processors)
            })
            .collect(),
        drivers,
    };
    let deadlines = timing::check_deadlines(&system, &members, &order, source, problems);

    // A circle leaves members out of the order; nothing is made of a system with problems.
    problems.is_empty().then(|| Compiled {
        root: file.root.value.clone(),
        programs: std::iter::once(&file.root)
            .chain(&file.programs)
            .chain(members.iter().map(|member| &member.manifest.program))
            .map(|program| program.value.clone())
            .chain(system.drivers.iter().map(|driver| driver.component.program.clone()))
            .collect(),
        memory: file.memory.value,
        system,
        deadlines,
    })
}

fn find_members<'a>(
    file: &'a SystemFile,
    components: &'a Components,
    source: &Source,
    problems: &mut Problems,
) -> Vec<Member<'a>> {
    let mut members: Vec<Member<'a>> = Vec::new();
    for entry in &file.entries {
        if members.iter().any(|other| other.entry.name.value == entry.name.value) {
            let reason = format!("two components are named `{}`", entry.name.value);
            problems.add(Kind::DuplicateComponent, source, &entry.name.span, reason);
            continue;
        }
        match components.manifests.get(&entry.component.value) {
            Some(manifest) => members.push(Member { entry, manifest }),
            None if components.complete => {
                let reason = format!("no component.toml is named `{}`", entry.component.value);
                problems.add(Kind::UnknownComponent, source, &entry.component.span, reason);
            }
            None => {}
        }
    }
    members
}

fn check_program(program: &At<String>, source: &Source, catalog: &Catalog, problems: &mut Problems) {
    if !catalog.programs.contains(&program.value) {
        let reason = format!("the workspace has no program `{}`", program.value);
        problems.add(Kind::UnknownProgram, source, &program.span, reason);
    }
}

fn memory_of(entry: &Entry, manifest: &ComponentManifest) -> u64 {
    let needed = manifest.stack + manifest.heap;
    entry.memory.as_ref().map_or(needed + DEFAULT_MARGIN, |memory| memory.value)
}

fn check_memory(file: &SystemFile, members: &[Member<'_>], source: &Source, problems: &mut Problems) {
    let mut total = RESERVED_MEMORY;
    for member in members {
        let memory = memory_of(member.entry, member.manifest);
        let needed = member.manifest.stack + member.manifest.heap;
        total = total.saturating_add(memory);
        if let Some(given) = &member.entry.memory
            && given.value < needed
        {
            let reason = format!(
                "`{}` gets {} KiB, but its stack and heap need {} KiB",
                member.entry.name.value,
                given.value >> 10,
                needed >> 10
            );
            problems.add(Kind::ComponentTooLarge, source, &given.span, reason);
        }
    }
    if total > file.memory.value {
        let reason = format!(
            "the components and {} MiB for kernel and bundle need {} MiB, the machine has {} MiB",
            RESERVED_MEMORY >> 20,
            total.div_ceil(1 << 20),
            file.memory.value >> 20
        );
        problems.add(Kind::SystemTooLarge, source, &file.memory.span, reason);
    }
}

fn record(
    members: &[Member<'_>],
    index: usize,
    providers: &Providers,
    resources: Vec<Resource>,
    count: u32,
) -> Component {
    let Member { entry, manifest } = &members[index];
    let priority = entry.priority.value;
    let memory = memory_of(entry, manifest);
    Component {
        name: entry.name.value.clone(),
        program: manifest.program.value.clone(),
        kind: manifest.kind,
        arguments: entry.arguments.clone(),
        priority,
        max_priority: entry.max_priority.as_ref().map_or(priority, |limit| limit.value),
        stack: manifest.stack as u32,
        heap: manifest.heap as u32,
        limits: manifest.objects.limits(memory, manifest.provides.len(), entry.time.quota()),
        time: entry.time.time,
        processors: processors::of(&members[index], count),
        provides: manifest.provides.iter().map(|name| name.value.clone()).collect(),
        uses: interfaces::uses(members, &providers[index]),
        mounts: Vec::new(),
        files: Vec::new(),
        resources,
        grants: manifest.grants.clone(),
        restart: entry.restart,
        devices: entry.devices.iter().map(|path| path.value.clone()).collect(),
    }
}
