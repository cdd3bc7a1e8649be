//! A process is made as asked, or not at all.

use super::*;
use crate::image::ImageError;
use crate::mock::{Counts, MockKernel};
use crate::request::{BudgetRequest, Grant, TimeRequest};
use airox_abi::layout::PROGRAM_BASE;
use airox_abi::{BudgetFlags, ObjectKind, QuotaLimits, Rights};
use airox_api::log::Level;
use airox_bundle::Bundle;
use airox_bundle::write::{Builder, ProgramImage, SegmentImage};
use std::vec;

const DATA: u64 = PROGRAM_BASE + 0x2000;

fn bundle() -> Vec<u8> {
    let mut builder = Builder::new();
    builder
        .program(ProgramImage {
            name: "victim".into(),
            entry: PROGRAM_BASE + 8,
            segments: vec![
                SegmentImage {
                    address: PROGRAM_BASE,
                    memory_size: 0x1800,
                    bytes: vec![0x90; 0x1800],
                    writable: false,
                    executable: true,
                },
                SegmentImage {
                    address: DATA,
                    memory_size: 0x2800,
                    bytes: vec![0xda; 0x10],
                    writable: true,
                    executable: false,
                },
            ],
            symbols: vec![],
        })
        .unwrap();
    builder.build("victim").unwrap()
}

/// What a test spawns with.
struct House {
    kernel: MockKernel,
    bytes: Vec<u8>,
    bundle: Handle,
    quota: Handle,
    port: Handle,
}

impl House {
    fn new() -> House {
        let mut kernel = MockKernel::new();
        kernel.processors = 3;
        House {
            bytes: bundle(),
            bundle: kernel.object(ObjectKind::Region),
            quota: kernel.object(ObjectKind::Quota),
            port: kernel.object(ObjectKind::Port),
            kernel,
        }
    }

    fn spawn(&mut self, arguments: &[&str]) -> Result<Spawned, SpawnError> {
        let parsed = Bundle::parse(&self.bytes).unwrap();
        let grants = [Grant { name: "log", handle: self.port, kind: ObjectKind::Port, rights: Rights::SEND, badge: 7 }];
        spawn(
            &mut self.kernel,
            &SpawnRequest {
                bundle: self.bundle,
                bundle_bytes: &self.bytes,
                program: &parsed.program("victim").unwrap(),
                name: "victim",
                arguments,
                quota: QuotaSource::Carved { parent: self.quota, limits: QuotaLimits::default() },
                grants: &grants,
                priority: 10,
                max_priority: 11,
                stack_bytes: 0x4000,
                heap_bytes: 0x1_0000,
                fault_port: self.port,
                log_level: Level::Info,
                time: TimeRequest {
                    processors: Some(0b110),
                    budget: Some(BudgetRequest { time_ns: 2_000, period_ns: 10_000, flags: BudgetFlags::empty() }),
                    passive: true,
                    weight: Some(250),
                    deadline_ns: Some(5_000),
                },
            },
        )
    }
}

#[test]
fn a_process_gets_exactly_what_was_asked_for() {
    let mut house = House::new();
    let spawned = house.spawn(&["-f", "all"]).unwrap();
    assert_eq!(spawned.stack_base, STACK_TOP - 0x4000);
    let process = house.kernel.process("victim").unwrap();
    assert_eq!(process.max_priority, 11);
    assert_eq!(process.started, vec![(PROGRAM_BASE + 8, STACK_TOP, START_BLOCK)]);
    let populated = MapFlags::POPULATE;
    assert_eq!(
        process.mappings,
        vec![
            (START_BLOCK, 1, populated),
            (PROGRAM_BASE, 2, populated | MapFlags::EXECUTE),
            (DATA, 3, MapFlags::WRITE),
            (STACK_TOP - 0x4000, 4, MapFlags::WRITE),
        ]
    );
    assert_eq!(
        house.kernel.granted("victim"),
        vec![(ObjectKind::Port, Rights::SEND, 7), (ObjectKind::Budget, Rights::READ, 0)]
    );
    let process = house.kernel.process("victim").unwrap();
    assert_eq!((process.budget, process.budget_processor), (Some((2_000, 10_000)), 1));
    assert_eq!(process.processors, Some(0b110));
    assert_eq!((process.passive, process.weight), (true, 250));
}

#[test]
fn start_block_and_data_are_written() {
    let mut house = House::new();
    let spawned = house.spawn(&["-f", "all"]).unwrap();
    let memory = house.kernel.regions.values().next().unwrap();
    assert_eq!(memory.len() as u64, (1 + 3 + 4) * PAGE_SIZE);
    let block = StartBlock::parse(memory).unwrap();
    assert_eq!(block.name, "victim");
    assert_eq!(block.arguments, ["-f", "all"]);
    assert_eq!(block.handles, spawned.granted);
    let timing = block.timing.unwrap();
    assert_eq!((timing.period_ns, timing.deadline_ns), (10_000, 5_000));
    assert_eq!((block.stack_length, block.heap_bytes), (0x4000, 0x1_0000));
    let data = &memory[PAGE_SIZE as usize..];
    assert!(data[..0x10].iter().all(|byte| *byte == 0xda));
    assert!(data[0x10..].iter().all(|byte| *byte == 0));
}

#[test]
fn whatever_fails_nothing_is_left() {
    let mut house = House::new();
    let before = house.kernel.counts();
    let mut steps = Vec::new();
    for failing_after in 0.. {
        house.kernel.failing_after = Some(failing_after);
        match house.spawn(&[]) {
            Ok(_) => break,
            Err(SpawnError::Kernel(step, Error::QuotaExceeded)) => steps.push(step),
            Err(other) => panic!("{other}"),
        }
        assert_eq!(house.kernel.counts(), before, "after {failing_after} calls");
    }
    steps.dedup();
    assert_eq!(
        steps,
        [
            Step::Quota,
            Step::Process,
            Step::Processors,
            Step::Budget,
            Step::Priority,
            Step::Grant,
            Step::Memory,
            Step::Map,
            Step::Thread,
            Step::Budget,
            Step::Start
        ]
    );
    let after = house.kernel.counts();
    assert_eq!((after.handles, after.processes), (before.handles + 4, before.processes + 1));
}

#[test]
fn killing_and_closing_returns_everything() {
    let mut house = House::new();
    let before: Counts = house.kernel.counts();
    for _ in 0..100 {
        let spawned = house.spawn(&[]).unwrap();
        house.kernel.process_kill(spawned.process, 0).unwrap();
        give_up(&mut house.kernel, spawned.process);
        give_up(&mut house.kernel, spawned.thread);
        give_up(&mut house.kernel, spawned.quota.unwrap());
        give_up(&mut house.kernel, spawned.budget.unwrap());
    }
    assert_eq!(house.kernel.counts(), before);
}

#[test]
fn arguments_that_do_not_fit_are_refused() {
    let mut house = House::new();
    let before = house.kernel.counts();
    let long = "x".repeat(100_000);
    assert_eq!(house.spawn(&[&long]), Err(SpawnError::StartBlockTooLarge));
    assert_eq!(house.kernel.counts(), before);
}

#[test]
fn a_long_start_block_takes_more_pages() {
    let mut house = House::new();
    let long = "x".repeat(5000);
    house.spawn(&[&long]).unwrap();
    let process = house.kernel.process("victim").unwrap();
    assert_eq!(process.mappings[0], (START_BLOCK, 2, MapFlags::POPULATE));
    let memory = house.kernel.regions.values().next().unwrap();
    assert_eq!(StartBlock::parse(memory).unwrap().arguments, [long]);
    assert_eq!(memory[2 * PAGE_SIZE as usize], 0xda);
}

#[test]
fn a_bad_image_costs_no_system_call() {
    let mut house = House::new();
    let parsed = Bundle::parse(&house.bytes).unwrap();
    let request = SpawnRequest {
        bundle: house.bundle,
        bundle_bytes: &house.bytes,
        program: &parsed.program("victim").unwrap(),
        name: "victim",
        arguments: &[],
        quota: QuotaSource::Given(house.quota),
        grants: &[],
        priority: 1,
        max_priority: 1,
        stack_bytes: 0,
        heap_bytes: 0,
        fault_port: Handle::NONE,
        log_level: Level::Info,
        time: TimeRequest::default(),
    };
    assert_eq!(spawn(&mut house.kernel, &request), Err(SpawnError::Image(ImageError::BadStackSize)));
    assert!(house.kernel.calls.is_empty());
}
