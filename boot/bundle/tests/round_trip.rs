//! What the builder writes, the reader reads; and no damage goes unnoticed.

use airox_bundle::system::{
    Budget, Component, ComponentKind, Grant, OnOverrun, Resource, Restart, RestartPolicy, System, Time, Use,
};
use airox_bundle::write::{Builder, Function, ProgramImage, SegmentImage, WriteError, symbol_table};
use airox_bundle::{Bundle, BundleError, Symbols};

fn function(address: u64, size: u32, name: &str) -> Function {
    Function { address, size, name: name.into() }
}

fn program(name: &str) -> ProgramImage {
    let segment = |address, memory_size, length, writable, executable| SegmentImage {
        address,
        memory_size,
        bytes: vec![address as u8 ^ 0x5a; length],
        writable,
        executable,
    };
    ProgramImage {
        name: name.into(),
        entry: 0x41_0010,
        segments: vec![
            segment(0x41_4000, 0x3000, 0x10, true, false),
            segment(0x41_0000, 0x1234, 0x1234, false, true),
            segment(0x41_2000, 0x1000, 0x800, false, false),
        ],
        symbols: vec![function(0x41_0100, 0x20, "module::second"), function(0x41_0010, 0x40, "start")],
    }
}

fn bundle() -> Vec<u8> {
    let mut builder = Builder::new();
    builder.program(program("init")).unwrap();
    builder.program(program("log")).unwrap();
    builder.file("kernel.symbols", symbol_table(&[]).unwrap()).unwrap();
    builder.file("system", system().to_bytes().unwrap()).unwrap();
    builder.build("init").unwrap()
}

fn system() -> System {
    System {
        name: "test".into(),
        trace: true,
        processors: 2,
        components: vec![Component {
            name: "log".into(),
            program: "log".into(),
            kind: ComponentKind::Service,
            arguments: vec!["--level".into(), "debug".into()],
            priority: 100,
            max_priority: 100,
            stack: 65536,
            heap: 131072,
            limits: [64, 32, 0, 1, 1, 1, 4, 0, 2, 0],
            time: Time {
                budget: Some(Budget { time_us: 500, period_us: 1_000, on_overrun: OnOverrun::Fault }),
                passive: false,
                deadline_us: Some(900),
                calls_per_job: Some(3),
                longest_call_us: Some(50),
                weight: 200,
                for_programs: 100_000,
            },
            processors: 0b10,
            provides: vec!["log".into()],
            uses: vec![Use { interface: "clock".into(), provider: "rtc".into() }],
            mounts: vec![],
            files: vec![],
            resources: vec![Resource::Irq { name: "uart".into(), line: 4 }],
            grants: vec![Grant::Bundle],
            restart: Restart {
                policy: RestartPolicy::Always,
                max_restarts: 10,
                window_ms: 10_000,
                backoff_ms: 10,
                backoff_max_ms: 1000,
            },
            devices: vec!["/dev/block/disk0".into()],
        }],
        drivers: vec![],
    }
}

#[test]
fn programs_and_files_come_back() {
    let bytes = bundle();
    let bundle = Bundle::parse(&bytes).unwrap();
    bundle.verify().unwrap();
    assert_eq!(bundle.root_program(), "init");
    let names: Vec<_> = bundle.programs().map(|program| program.name()).collect();
    assert_eq!(names, ["init", "log"]);
    let init = bundle.program("init").unwrap();
    assert_eq!(init.entry(), 0x41_0010);
    let segments: Vec<_> = init.segments().collect();
    assert_eq!(segments.len(), 3);
    assert_eq!(segments[0].address, 0x41_0000);
    assert!(segments[0].executable && !segments[0].writable);
    assert!(segments[2].writable);
    assert_eq!((segments[2].memory_size, segments[2].file_size), (0x3000, 0x10));
    for segment in &segments {
        assert_eq!(segment.offset % 4096, 0);
        let start = segment.offset as usize;
        let end = start + segment.file_size as usize;
        let content = &bytes[start..end];
        assert!(content.iter().all(|byte| *byte == segment.address as u8 ^ 0x5a));
        let padded = &bytes[end..end.next_multiple_of(4096)];
        assert!(padded.iter().all(|byte| *byte == 0), "padding is zero");
    }
    assert!(bundle.program("nothing").is_none());
    assert!(bundle.file("nothing").is_none());
    assert_eq!(bundle.system().unwrap(), system());
}

#[test]
fn symbols_are_found_inside_functions_only() {
    let bytes = bundle();
    let symbols = Bundle::parse(&bytes).unwrap().program("log").unwrap().symbols();
    assert_eq!(symbols.len(), 2);
    assert_eq!(symbols.lookup(0x41_0010), Some(("start", 0)));
    assert_eq!(symbols.lookup(0x41_004f), Some(("start", 0x3f)));
    assert_eq!(symbols.lookup(0x41_0050), None);
    assert_eq!(symbols.lookup(0x41_0108), Some(("module::second", 8)));
    assert_eq!(symbols.lookup(0x41_0120), None);
    assert_eq!(symbols.lookup(0), None);
}

#[test]
fn a_damaged_symbol_table_is_refused_or_finds_nothing() {
    let good = symbol_table(&[function(16, 4, "name")]).unwrap();
    assert!(Symbols::parse(&[]).unwrap().is_empty());
    assert_eq!(Symbols::parse(&good[..3]).unwrap_err(), BundleError::InvalidSymbols);
    assert_eq!(Symbols::parse(&good[..12]).unwrap_err(), BundleError::InvalidSymbols);
    let cut = Symbols::parse(&good[..good.len() - 1]).unwrap();
    assert_eq!(cut.lookup(17), None);
}

#[test]
fn every_damaged_byte_is_noticed() {
    let bytes = bundle();
    let payload_start = {
        let bundle = Bundle::parse(&bytes).unwrap();
        bundle.program("init").unwrap().segments().next().unwrap().offset as usize
    };
    let directory = 64 + 4 * 96 + 6 * 40;
    for position in 0..directory {
        let mut damaged = bytes.clone();
        damaged[position] ^= 0x40;
        assert!(Bundle::parse(&damaged).is_err(), "byte {position}");
    }
    let mut damaged = bytes.clone();
    damaged[payload_start] ^= 1;
    let bundle = Bundle::parse(&damaged).unwrap();
    let Err(BundleError::EntryDamaged(name)) = bundle.verify() else {
        panic!("damage was not noticed");
    };
    assert_eq!(name.as_str(), "init");
}

#[test]
fn truncation_is_noticed_at_every_length() {
    let bytes = bundle();
    for length in (0..bytes.len()).step_by(97) {
        assert_eq!(Bundle::parse(&bytes[..length]).unwrap_err(), BundleError::Truncated);
    }
    let mut longer = bytes.clone();
    longer.extend_from_slice(&[0; 5000]);
    assert_eq!(Bundle::parse(&longer).unwrap().length(), bytes.len());
}

#[test]
fn other_files_and_versions_are_refused() {
    assert_eq!(Bundle::parse(&[0; 4096]).unwrap_err(), BundleError::NotABundle);
    let mut bytes = bundle();
    bytes[8] = 9;
    assert_eq!(Bundle::parse(&bytes).unwrap_err(), BundleError::UnsupportedVersion(9));
}

#[test]
fn a_lying_directory_with_a_good_checksum_is_refused() {
    let bytes = bundle();
    let directory = 64 + 4 * 96 + 6 * 40;
    let segment = 64 + 4 * 96;
    let lies: [(usize, u64); 6] = [
        (64 + 40, u64::MAX - 5), // payload offset
        (64 + 48, 1 << 40),      // payload length
        (64 + 64, u64::MAX),     // segment range
        (segment, 0x41_0001),    // unaligned address
        (segment + 24, 1 << 40), // more bytes than memory
        (segment + 32, 3),       // writable and executable
    ];
    for (offset, value) in lies {
        let mut lying = bytes.clone();
        lying[offset..offset + 8].copy_from_slice(&value.to_le_bytes());
        lying[12..16].fill(0);
        let sum = airox_bundle::checksum(&lying[..directory]);
        lying[12..16].copy_from_slice(&sum.to_le_bytes());
        assert!(matches!(Bundle::parse(&lying), Err(BundleError::InvalidRecord(0))), "lie at {offset}");
    }
}

#[test]
fn the_builder_refuses_what_the_reader_would() {
    let mut builder = Builder::new();
    assert!(matches!(builder.build("init"), Err(WriteError::NoRoot(_))));
    builder.program(program("init")).unwrap();
    assert!(matches!(builder.program(program("init")).unwrap_err(), WriteError::DuplicateName(_)));
    assert!(matches!(builder.program(program("")).unwrap_err(), WriteError::BadName(_)));
    let mut bad = program("bad");
    bad.segments[0].executable = true;
    assert!(builder.program(bad).unwrap_err().to_string().contains("writable and executable"));
    let mut bad = program("bad");
    bad.segments[0].address = 0x41_1000;
    assert!(builder.program(bad).unwrap_err().to_string().contains("shares a page"));
    let mut bad = program("bad");
    bad.segments[2].address += 8;
    assert!(builder.program(bad).unwrap_err().to_string().contains("page-aligned"));
}

#[test]
fn a_damaged_system_record_is_an_error() {
    let bytes = system().to_bytes().unwrap();
    for length in 0..bytes.len() {
        assert_eq!(System::from_bytes(&bytes[..length]), Err(BundleError::InvalidSystem));
    }
}
