//! The server against a disk in memory, with honest and hostile clients.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use airox_api::block::{BlockError, BlockRefusal, Geometry, MAX_ATTACHMENTS, MAX_REQUESTS, Piece};
use airox_api::device::PART_SHIFT;
use airox_block_server::{BlockServer, Mapper, Memory, Part, Waiter};
use airox_driver_traits::queue::{BlockQueue, Broken, Done, Full, Kind, Request};
use airox_rt::{Handle, Region, TypedHandle};

const GEOMETRY: Geometry = Geometry { block_size: 512, blocks: 100, read_only: false };
const LENGTH: u64 = 8192;

/// What device, mapper and clients did.
#[derive(Default)]
struct World {
    submitted: VecDeque<(u32, Request)>,
    done: VecDeque<Done>,
    room: usize,
    read_only: bool,
    no_cache: bool,
    mapped: Vec<u64>,
    refuses_memory: bool,
    answers: Vec<(u32, Result<(), BlockRefusal>)>,
}

#[derive(Clone, Default)]
struct Shared(Rc<RefCell<World>>);

impl BlockQueue for Shared {
    fn geometry(&self) -> Geometry {
        Geometry { read_only: self.0.borrow().read_only, ..GEOMETRY }
    }

    fn has_cache(&self) -> bool {
        !self.0.borrow().no_cache
    }

    fn most_blocks(&self) -> u32 {
        6
    }

    fn submit(&mut self, id: u32, request: &Request) -> Result<(), Full> {
        let mut world = self.0.borrow_mut();
        if world.submitted.len() >= world.room {
            return Err(Full);
        }
        world.submitted.push_back((id, *request));
        Ok(())
    }

    fn next_done(&mut self) -> Result<Option<Done>, Broken> {
        Ok(self.0.borrow_mut().done.pop_front())
    }
}

impl Mapper for Shared {
    fn map(&mut self, region: Region) -> Result<Memory, BlockRefusal> {
        let mut world = self.0.borrow_mut();
        if world.refuses_memory {
            return Err(BlockRefusal::Failed(BlockError::Kernel(1)));
        }
        let address = u64::from(region.into_raw().0) << 16;
        world.mapped.push(address);
        Ok(Memory { address, length: LENGTH })
    }

    fn unmap(&mut self, memory: Memory) {
        self.0.borrow_mut().mapped.retain(|address| *address != memory.address);
    }
}

struct Asker(Shared, u32);

impl Waiter for Asker {
    fn answer(self, result: Result<(), BlockRefusal>) {
        self.0.0.borrow_mut().answers.push((self.1, result));
    }
}

struct Test {
    server: BlockServer<Shared, Shared, Asker>,
    shared: Shared,
    next: u32,
}

impl Test {
    fn new() -> Test {
        let shared = Shared::default();
        shared.0.borrow_mut().room = 4;
        let parts = [Part { first: 10, blocks: 20 }, Part { first: 90, blocks: 10 }];
        Test { server: BlockServer::new(shared.clone(), &parts, shared.clone(), 1000), shared, next: 0 }
    }

    fn attach(&mut self, client: u64, first: bool) -> u64 {
        self.next += 1;
        self.server.attach_memory(client, Region::from_raw(Handle(self.next)), first).unwrap()
    }

    fn ask(&mut self, client: u64, kind: Kind, memory: (u64, u64), blocks: (u64, u32)) -> u32 {
        self.next += 1;
        let asker = Asker(self.shared.clone(), self.next);
        let piece = Piece { offset: memory.1, first: blocks.0, count: blocks.1 };
        match kind {
            Kind::Read => self.server.read_blocks(client, memory.0, piece, asker),
            Kind::Write => self.server.write_pieces(client, memory.0, &[piece], false, asker),
            Kind::Flush => self.server.write_pieces(client, memory.0, &[], true, asker),
        }
        self.next
    }

    fn write(&mut self, client: u64, attachment: u64, pieces: &[(u64, u64, u32)], flush: bool) -> u32 {
        self.next += 1;
        let asker = Asker(self.shared.clone(), self.next);
        let piece = |&(offset, first, count): &(u64, u64, u32)| Piece { offset, first, count };
        let pieces: Vec<Piece> = pieces.iter().map(piece).collect();
        self.server.write_pieces(client, attachment, &pieces, flush, asker);
        self.next
    }

    /// The device does the oldest request.
    fn finish(&mut self, result: Result<(), BlockError>) -> Request {
        let (id, request) = self.shared.0.borrow_mut().submitted.pop_front().unwrap();
        self.shared.0.borrow_mut().done.push_back(Done { id, result });
        self.server.pump().unwrap();
        request
    }

    fn answers(&self) -> Vec<(u32, Result<(), BlockRefusal>)> {
        std::mem::take(&mut self.shared.0.borrow_mut().answers)
    }

    fn refused(&mut self, client: u64, kind: Kind, memory: (u64, u64), blocks: (u64, u32)) -> BlockRefusal {
        let number = self.ask(client, kind, memory, blocks);
        let answers = self.answers();
        assert_eq!(answers.len(), 1, "{answers:?}");
        assert_eq!(answers[0].0, number);
        answers[0].1.unwrap_err()
    }
}

#[test]
fn a_request_reaches_the_device_in_its_numbers() {
    let mut test = Test::new();
    let whole = test.attach(7, true);
    let part = 1 << PART_SHIFT | 7;
    let partial = test.attach(part, true);
    let first = test.ask(7, Kind::Read, (whole, 512), (3, 2));
    let second = test.ask(part, Kind::Write, (partial, 0), (3, 2));
    assert!(test.server.is_busy());
    let read = test.finish(Ok(()));
    assert_eq!(read, Request { kind: Kind::Read, first: 3, count: 2, address: (1 << 16) + 512 });
    let write = test.finish(Err(BlockError::Medium { block: 14 }));
    assert_eq!(write, Request { kind: Kind::Write, first: 13, count: 2, address: 2 << 16 });
    let error = BlockRefusal::Failed(BlockError::Medium { block: 4 });
    assert_eq!(test.answers(), [(first, Ok(())), (second, Err(error))]);
    assert!(!test.server.is_busy());
}

#[test]
fn ranges_outside_memory_disk_or_part_are_refused() {
    let mut test = Test::new();
    let part = 1 << PART_SHIFT | 7;
    let memory = test.attach(part, true);
    let failed = BlockRefusal::Failed;
    let cases = [
        ((memory, 0), (20, 1), failed(BlockError::OutOfRange)),
        ((memory, 0), (19, 2), failed(BlockError::OutOfRange)),
        ((memory, 0), (u64::MAX, 1), failed(BlockError::OutOfRange)),
        ((memory, 0), (0, u32::MAX), BlockRefusal::OutsideMemory),
        ((memory, LENGTH - 511), (0, 1), BlockRefusal::OutsideMemory),
        ((memory, LENGTH), (0, 1), BlockRefusal::OutsideMemory),
        ((memory, u64::MAX - 7), (0, 1), BlockRefusal::OutsideMemory),
        ((memory, 4), (0, 1), BlockRefusal::OutsideMemory),
        ((memory + 1, 0), (0, 1), BlockRefusal::NotAttached),
    ];
    for (memory, blocks, refusal) in cases {
        assert_eq!(test.refused(part, Kind::Read, memory, blocks), refusal, "{memory:?} {blocks:?}");
    }
    // Another client's memory, a part that is not there.
    assert_eq!(test.refused(7, Kind::Read, (memory, 0), (0, 1)), BlockRefusal::NotAttached);
    assert_eq!(test.refused(3 << PART_SHIFT | 7, Kind::Read, (memory, 0), (0, 1)), BlockRefusal::NoSuchPart);
    test.shared.0.borrow_mut().read_only = true;
    assert_eq!(test.refused(part, Kind::Write, (memory, 0), (0, 1)), failed(BlockError::ReadOnly));
    assert_eq!(test.ask(part, Kind::Read, (memory, 0), (0, 0)), test.answers()[0].0);
    assert!(test.shared.0.borrow().submitted.is_empty());
}

#[test]
fn what_the_device_does_not_take_waits_its_turn() {
    let mut test = Test::new();
    let memory = test.attach(7, true);
    let asked: Vec<u32> = (0..10).map(|block| test.ask(7, Kind::Read, (memory, 0), (block, 1))).collect();
    assert_eq!(test.shared.0.borrow().submitted.len(), 4);
    for (block, number) in (0..).zip(asked) {
        assert_eq!(test.finish(Ok(())).first, block);
        assert_eq!(test.answers(), [(number, Ok(()))]);
    }
}

#[test]
fn nobody_can_ask_for_everything() {
    let mut test = Test::new();
    let memory = test.attach(7, true);
    for _ in 0..MAX_REQUESTS {
        test.ask(7, Kind::Read, (memory, 0), (0, 1));
    }
    assert_eq!(test.refused(7, Kind::Read, (memory, 0), (0, 1)), BlockRefusal::Full);
    let other = test.attach(8, true);
    test.ask(8, Kind::Read, (other, 0), (0, 1));
    assert!(test.answers().is_empty());
    // All clients together.
    let mut full = 0;
    for client in 9..40 {
        let memory = test.server.attach_memory(client, Region::from_raw(Handle(1)), true);
        let Ok(memory) = memory else { continue };
        for _ in 0..MAX_REQUESTS {
            test.ask(client, Kind::Read, (memory, 0), (0, 1));
        }
        full += test.answers().len();
    }
    assert!(full > 0);
}

#[test]
fn memory_is_given_back_when_nothing_uses_it_any_more() {
    let mut test = Test::new();
    let first = test.attach(7, true);
    test.ask(7, Kind::Read, (first, 0), (0, 1));
    // A program that ended is followed by another one.
    let second = test.attach(7, true);
    assert_eq!(test.refused(7, Kind::Read, (first, 0), (0, 1)), BlockRefusal::NotAttached);
    assert_eq!(test.shared.0.borrow().mapped.len(), 2);
    test.finish(Ok(()));
    test.answers();
    assert_eq!(test.shared.0.borrow().mapped.len(), 1);
    test.server.detach_memory(7, second).unwrap();
    assert_eq!(test.server.detach_memory(7, second), Err(BlockRefusal::NotAttached));
    assert!(test.shared.0.borrow().mapped.is_empty());
    // One more than a client may have: that least lately used goes.
    let attached: Vec<u64> = (0..MAX_ATTACHMENTS).map(|_| test.attach(7, false)).collect();
    test.ask(7, Kind::Read, (attached[0], 0), (0, 1));
    test.attach(7, false);
    assert_eq!(test.refused(7, Kind::Read, (attached[1], 0), (0, 1)), BlockRefusal::NotAttached);
    assert_eq!(test.shared.0.borrow().mapped.len(), MAX_ATTACHMENTS);
    test.shared.0.borrow_mut().refuses_memory = true;
    assert!(test.server.attach_memory(8, Region::from_raw(Handle(1)), true).is_err());
}

#[test]
fn flushes_go_to_the_device_if_it_has_a_cache() {
    let mut test = Test::new();
    test.write(7, 0, &[], true);
    assert_eq!(test.finish(Ok(())).kind, Kind::Flush);
    test.shared.0.borrow_mut().no_cache = true;
    test.write(7, 0, &[], true);
    test.write(9 << PART_SHIFT, 0, &[], true);
    assert_eq!(test.answers(), [(1, Ok(())), (2, Ok(())), (3, Err(BlockRefusal::NoSuchPart))]);
}

#[test]
fn a_batch_is_answered_when_all_of_it_is_written_and_flushed() {
    let mut test = Test::new();
    let memory = test.attach(7, true);
    let number = test.write(7, memory, &[(0, 3, 2), (4096, 50, 1), (1024, 9, 0)], true);
    assert_eq!((test.finish(Ok(())).first, test.answers().len()), (3, 0));
    assert_eq!((test.finish(Ok(())).first, test.answers().len()), (50, 0));
    let flush = test.finish(Ok(()));
    assert_eq!((flush.kind, test.answers()), (Kind::Flush, vec![(number, Ok(()))]));
    // Nothing to write.
    let number = test.write(7, memory, &[], false);
    assert_eq!(test.answers(), [(number, Ok(()))]);
    assert!(!test.server.is_busy());
}

#[test]
fn a_batch_of_which_a_part_fails_fails_once_and_is_not_flushed() {
    let mut test = Test::new();
    let memory = test.attach(7, true);
    let number = test.write(7, memory, &[(0, 3, 1), (512, 5, 1), (1024, 7, 1)], true);
    let failure = BlockError::Medium { block: 5 };
    test.finish(Ok(()));
    test.finish(Err(failure));
    test.finish(Err(BlockError::Gone));
    assert_eq!(test.answers(), [(number, Err(BlockRefusal::Failed(failure)))]);
    assert!(!test.server.is_busy());
}

#[test]
fn a_batch_with_a_bad_part_is_refused_whole() {
    let mut test = Test::new();
    let memory = test.attach(7, true);
    let bad = test.write(7, memory, &[(0, 3, 1), (LENGTH, 5, 1)], true);
    let full = test.write(7, memory, &vec![(0, 3, 1); MAX_REQUESTS + 1], true);
    let outside = Err(BlockRefusal::OutsideMemory);
    assert_eq!(test.answers(), [(bad, outside), (full, Err(BlockRefusal::Full))]);
    assert!(!test.server.is_busy());
    // No part of it holds the memory.
    test.server.detach_memory(7, memory).unwrap();
    assert!(test.shared.0.borrow().mapped.is_empty());
}

#[test]
fn an_answer_to_no_request_breaks_the_device() {
    let mut test = Test::new();
    test.shared.0.borrow_mut().done.push_back(Done { id: 3, result: Ok(()) });
    assert_eq!(test.server.pump(), Err(Broken));
}

#[test]
fn what_is_too_much_for_the_device_is_done_in_pieces() {
    let mut test = Test::new();
    let memory = test.attach(7, true);
    let long = test.ask(7, Kind::Write, (memory, 512), (30, 14));
    let short = test.ask(7, Kind::Write, (memory, 0), (0, 1));
    let address = (1 << 16) + 512;
    let piece = |first, count, offset: u64| Request { kind: Kind::Write, first, count, address: address + offset };
    assert_eq!(test.finish(Ok(())), piece(30, 6, 0));
    assert_eq!(test.finish(Ok(())).first, 0);
    assert_eq!(test.finish(Ok(())), piece(36, 6, 6 * 512));
    assert_eq!(test.answers(), [(short, Ok(()))]);
    assert_eq!(test.finish(Ok(())), piece(42, 2, 12 * 512));
    assert_eq!(test.answers(), [(long, Ok(()))]);
    // A failure ends it.
    let failing = test.ask(7, Kind::Read, (memory, 0), (0, 12));
    test.finish(Err(BlockError::Medium { block: 3 }));
    assert_eq!(test.answers(), [(failing, Err(BlockRefusal::Failed(BlockError::Medium { block: 3 })))]);
    assert!(!test.server.is_busy());
}
