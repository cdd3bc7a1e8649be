//! Every bad system in `tests/bad-systems` is refused with exactly the problems its lines are marked with.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use airox_manifest::{Catalog, Kind, Problem, Source, compile, report};

/// File, line, kind.
type Finding = (PathBuf, usize, String);

const MARK: &str = "#~ ";
/// Programs that exist in these tests: one for each good component, init, and one more.
const PROGRAMS: [&str; 16] = [
    "bad", "chicken", "clock", "disk", "egg", "extra", "init", "log", "manager", "screen", "sensor", "serial", "shell",
    "editor", "memory", "names",
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/bad-systems")
}

fn read(file: &Path) -> Source {
    Source::new(file, fs::read_to_string(file).unwrap())
}

fn toml_files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    files.sort();
    files
}

fn catalog() -> Catalog {
    Catalog {
        components: toml_files(&folder().join("components")).iter().map(|file| read(file)).collect(),
        programs: PROGRAMS.iter().map(|name| (*name).to_owned()).collect(),
    }
}

/// The problems a file's lines are marked with, sorted.
fn marks(source: &Source) -> Vec<Finding> {
    let mut marks = Vec::new();
    for (index, line) in source.text.lines().enumerate() {
        for mark in line.split(MARK).skip(1) {
            marks.push((source.file.clone(), index + 1, mark.trim().to_owned()));
        }
    }
    marks
}

fn findings(problems: &[Problem]) -> Vec<Finding> {
    let finding = |problem: &Problem| (problem.file.clone(), problem.line, problem.kind.name().to_owned());
    problems.iter().map(finding).collect()
}

/// Every case: the system file, and the catalog with the case's own component.
fn cases() -> Vec<(Source, Catalog)> {
    let mut cases = Vec::new();
    for file in toml_files(&folder()) {
        cases.push((read(&file), catalog()));
    }
    for entry in fs::read_dir(folder()).unwrap() {
        let own = entry.unwrap().path().join("component.toml");
        if own.is_file() {
            let mut catalog = catalog();
            catalog.components.push(read(&own));
            cases.push((read(&own.with_file_name("system.toml")), catalog));
        }
    }
    assert!(cases.len() > 30, "only {} cases found", cases.len());
    cases
}

#[test]
fn every_bad_system_is_refused_at_the_marked_lines() {
    let mut wrong = Vec::new();
    for (system, catalog) in cases() {
        let mut expected = marks(&system);
        expected.extend(catalog.components.iter().flat_map(marks));
        let problems = compile(&system, &catalog).err().unwrap_or_default();
        let mut found = findings(&problems);
        expected.sort();
        found.sort();
        if found != expected {
            wrong.push(format!("{}: expected {expected:?}\nreported:\n{}", system.file.display(), report(&problems)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn every_kind_of_problem_has_an_example() {
    let marked: BTreeSet<String> = cases()
        .iter()
        .flat_map(|(system, catalog)| {
            let mut all = marks(system);
            all.extend(catalog.components.iter().flat_map(marks));
            all
        })
        .map(|(_, _, kind)| kind)
        .collect();
    for kind in Kind::ALL {
        assert!(marked.contains(kind.name()), "no example of {}", kind.name());
    }
    assert!(Kind::ALL.len() >= 15);
}

#[test]
fn a_report_names_file_line_and_reason() {
    let system = read(&folder().join("two-owners-irq.toml"));
    let problems = compile(&system, &catalog()).unwrap_err();
    let text = report(&problems);
    assert!(text.starts_with("error[two-owners]: the interrupt line 4"), "{text}");
    assert!(text.contains("two-owners-irq.toml:10"), "{text}");
}

#[test]
fn a_good_system_compiles_in_start_order() {
    let system = read(&folder().join("good.toml"));
    let compiled = match compile(&system, &catalog()) {
        Ok(compiled) => compiled,
        Err(problems) => panic!("{}", report(&problems)),
    };
    let names: Vec<&str> = compiled.system.components.iter().map(|component| component.name.as_str()).collect();
    assert_eq!(names, ["log", "clock", "serial", "shell", "screen", "shell-screen", "sensor", "manager", "log-reader"]);
    let programs: Vec<&str> = compiled.programs.iter().map(String::as_str).collect();
    assert_eq!(programs, ["clock", "disk", "extra", "init", "log", "manager", "screen", "sensor", "serial", "shell"]);
    let [driver] = &compiled.system.drivers[..] else { panic!("{:?}", compiled.system.drivers) };
    assert_eq!((driver.component.name.as_str(), driver.path.as_str(), driver.dma), ("disk", "block/disk", true));
    assert_eq!((driver.component.limits[0], driver.component.restart.max_restarts, driver.interrupts), (512, 100, 1));
    assert_eq!((driver.pci[0].device, driver.pci[1].class), (Some(0x1042), Some(0x01_0802)));
    assert_eq!(compiled.system.component("log-reader").unwrap().devices, ["/dev/block/disk0/data"]);
    let shell = compiled.system.component("shell-screen").unwrap();
    assert_eq!((shell.priority, shell.max_priority), (50, 60));
    assert_eq!(shell.limits[0], 256, "frames of 1 MiB");
    let provider = |interface: &str| {
        let found = shell.uses.iter().find(|each| each.interface == interface);
        found.map(|each| each.provider.as_str())
    };
    assert_eq!(provider("console"), Some("screen"));
    assert_eq!(provider("log"), Some("log"));
    assert_eq!(provider("clock:second-1"), Some("clock"));
    let named = shell.uses.iter().find(|each| each.interface.contains(':'));
    assert_eq!(named.map(|each| each.interface_name()), Some("clock"));
    let serial = compiled.system.component("serial").unwrap();
    assert_eq!(serial.limits[8..], [1, 50_000], "its budget");
    let deadline = &compiled.deadlines[0];
    assert_eq!((deadline.component.as_str(), deadline.priority), ("serial", 180));
    assert_eq!((deadline.time_us, deadline.period_us), (500, 10_000));
    // Thrice the log for clients here, twice init where the log may be at work, and two other processors in the kernel.
    assert_eq!((deadline.processor, deadline.blocking_us, deadline.response_us), (2, 2_640, 3_140));
    assert_eq!(deadline.deadline_us, 4_000);
    let sensor = compiled.system.component("sensor").unwrap();
    assert_eq!((sensor.priority, sensor.time.weight), (0, 300));
    assert_eq!((&sensor.limits[8..], sensor.time.for_programs), (&[0, 0][..], 100_000));
    let processors: Vec<u64> = compiled.system.components.iter().map(|component| component.processors).collect();
    assert_eq!((compiled.system.processors, processors), (3, vec![7, 7, 0b100, 7, 7, 7, u64::MAX, 7, 7]));
    assert_eq!(serial.resources.len(), 2);
    assert!(serial.resources.iter().all(|resource| resource.name() == "uart"));
}

#[test]
fn file_systems_start_before_who_mounts_them_and_grants_are_kept() {
    let system = read(&folder().join("good-files.toml"));
    let compiled = match compile(&system, &catalog()) {
        Ok(compiled) => compiled,
        Err(problems) => panic!("{}", report(&problems)),
    };
    let names: Vec<&str> = compiled.system.components.iter().map(|component| component.name.as_str()).collect();
    assert_eq!(names, ["deep", "tmp", "names", "editor"]);
    let mounts: Vec<String> = compiled.system.components[2].mounts.iter().map(|mount| mount.handle_name()).collect();
    assert_eq!(mounts, ["mount:tmp:/tmp", "mount:deep:/tmp/deep"]);
    let files: Vec<String> = compiled.system.components[3].files.iter().map(ToString::to_string).collect();
    assert_eq!(files, ["/tmp:rw", "/:r"]);
}
