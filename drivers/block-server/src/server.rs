//! Requests of clients, to the device and back.

use airox_api::block::{Block, BlockError, BlockRefusal, Geometry, MAX_REQUESTS, Piece};
use airox_api::device::PART_SHIFT;
use airox_api::{Caller, Deferred};
use airox_driver_traits::queue::{BlockQueue, Broken, Done, Full, Kind, Request};
use airox_rt::Region;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::attachments::{Attachments, Mapper};
use crate::batch::{Batch, Batches, Claim};

/// Most requests of all clients together.
const MAX_TOTAL: usize = 128;
/// Bits of a badge below the mark of delegation that say which part of the disk is meant.
const PART_MASK: u64 = 0xffff;

/// A range of the disk's blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// The first block.
    pub first: u64,
    /// How many.
    pub blocks: u64,
}

/// The right to answer one request.
pub trait Waiter {
    /// Answers. Who asked may be gone by now.
    fn answer(self, result: Result<(), BlockRefusal>);
}

impl Waiter for Deferred<(), BlockRefusal> {
    fn answer(self, result: Result<(), BlockRefusal>) {
        // Nobody is left to be told that nobody is left.
        let _ = self.send(result);
    }
}

/// A request on its way.
#[derive(Debug)]
struct Pending<W> {
    client: u64,
    /// The memory it uses.
    attachment: Option<u64>,
    /// What is left of it: the device may take less at a time.
    request: Request,
    /// First block of the client's part, to tell errors in the client's numbers.
    part: u64,
    claim: Claim<W>,
}

impl<W> Pending<W> {
    /// Goes past what the device has done. Returns whether something is left.
    fn go_on(&mut self, most: u32, block_size: u32) -> bool {
        let done = self.request.count.min(most);
        self.request.first += u64::from(done);
        self.request.address += u64::from(done) * u64::from(block_size);
        self.request.count -= done;
        self.request.count > 0
    }
}

/// The server. Parts are told apart by clients' badges: 0 is the whole disk, others count from 1.
#[derive(Debug)]
pub struct BlockServer<Q, M, W> {
    queue: Q,
    parts: Vec<Part>,
    attachments: Attachments<M>,
    /// What the device has, by its number there.
    under_way: Vec<Option<Pending<W>>>,
    /// What it does not take yet, oldest first.
    waiting: VecDeque<Pending<W>>,
    /// Those of several writes that are not done.
    batches: Batches<W>,
}

impl<Q: BlockQueue, M: Mapper, W: Waiter> BlockServer<Q, M, W> {
    /// A server of a disk with these parts. Attachments are numbered from `first` on; see [`Attachments::new`].
    pub fn new(queue: Q, parts: &[Part], mapper: M, first: u64) -> BlockServer<Q, M, W> {
        let whole = Part { first: 0, blocks: queue.geometry().blocks };
        BlockServer {
            queue,
            parts: core::iter::once(whole).chain(parts.iter().copied()).collect(),
            attachments: Attachments::new(mapper, first),
            under_way: Vec::new(),
            waiting: VecDeque::new(),
            batches: Batches::default(),
        }
    }

    fn most_blocks(&self) -> u32 {
        self.queue.most_blocks().max(1)
    }

    /// Whether the device has something to do.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.under_way.iter().any(Option::is_some)
    }

    /// Answers what the device has done and gives it what waits.
    ///
    /// # Errors
    /// [`Broken`].
    pub fn pump(&mut self) -> Result<(), Broken> {
        while let Some(Done { id, result }) = self.queue.next_done()? {
            let mut pending = self.under_way.get_mut(id as usize).and_then(Option::take).ok_or(Broken)?;
            if result.is_ok() && pending.go_on(self.most_blocks(), self.queue.geometry().block_size) {
                self.waiting.push_front(pending);
                continue;
            }
            if let Some(attachment) = pending.attachment {
                self.attachments.end(attachment);
            }
            let result = result.map_err(|error| match error {
                BlockError::Medium { block } => BlockError::Medium { block: block.saturating_sub(pending.part) },
                other => other,
            });
            self.settle(pending.claim, result.map_err(BlockRefusal::Failed));
        }
        while let Some(pending) = self.waiting.pop_front() {
            if let Err(pending) = self.submit(pending) {
                self.waiting.push_front(pending);
                break;
            }
        }
        Ok(())
    }

    /// The client's part of the disk, and its geometry.
    fn part(&self, client: u64) -> Result<(Part, Geometry), BlockRefusal> {
        let number = client >> PART_SHIFT & PART_MASK;
        let part = *self.parts.get(number as usize).ok_or(BlockRefusal::NoSuchPart)?;
        Ok((part, Geometry { blocks: part.blocks, ..self.queue.geometry() }))
    }

    /// Attaches memory of a client; see [`Block::attach`].
    ///
    /// # Errors
    /// [`BlockRefusal`].
    pub fn attach_memory(&mut self, client: u64, memory: Region, first: bool) -> Result<u64, BlockRefusal> {
        self.part(client)?;
        self.attachments.attach(client, memory, first)
    }

    /// Gives it back; see [`Block::detach`].
    ///
    /// # Errors
    /// [`BlockRefusal::NotAttached`].
    pub fn detach_memory(&mut self, client: u64, attachment: u64) -> Result<(), BlockRefusal> {
        self.attachments.detach(client, attachment)
    }

    /// Tells who asked, if this was all.
    fn settle(&mut self, claim: Claim<W>, result: Result<(), BlockRefusal>) {
        match claim {
            Claim::Alone(waiter) => waiter.answer(result),
            Claim::Part(number) => {
                if let Some(batch) = self.batches.end_part(number, result) {
                    self.finish(batch);
                }
            }
        }
    }

    /// All of a batch is written, or failed.
    fn finish(&mut self, Batch { client, flush, refusal, waiter, .. }: Batch<W>) {
        match refusal {
            Some(refusal) => waiter.answer(Err(refusal)),
            None if flush && self.queue.has_cache() => {
                let request = Request { kind: Kind::Flush, first: 0, count: 0, address: 0 };
                self.enqueue(Pending { client, attachment: None, request, part: 0, claim: Claim::Alone(waiter) });
            }
            None => waiter.answer(Ok(())),
        }
    }

    /// Takes a request to read, or says why not: attachment and byte in it, first block and how many.
    pub fn read_blocks(&mut self, client: u64, attachment: u64, piece: Piece, waiter: W) {
        match self.check(client, Kind::Read, attachment, piece) {
            Err(refusal) => waiter.answer(Err(refusal)),
            Ok(None) => waiter.answer(Ok(())),
            Ok(Some((request, part))) => {
                let claim = Claim::Alone(waiter);
                self.enqueue(Pending { client, attachment: Some(attachment), request, part, claim });
            }
        }
    }

    /// Takes a request to write, and to flush then; see [`Block::write`].
    pub fn write_pieces(&mut self, client: u64, attachment: u64, pieces: &[Piece], flush: bool, waiter: W) {
        let requests = match self.check_all(client, attachment, pieces) {
            Ok(requests) => requests,
            Err(refusal) => return waiter.answer(Err(refusal)),
        };
        let batch = Batch { client, flush, left: requests.len(), refusal: None, waiter };
        if requests.is_empty() {
            return self.finish(batch);
        }
        let number = self.batches.begin(batch);
        for (request, part) in requests {
            let claim = Claim::Part(number);
            self.enqueue(Pending { client, attachment: Some(attachment), request, part, claim });
        }
    }

    /// The requests for the device, and where the client's part begins.
    fn check_all(
        &mut self,
        client: u64,
        attachment: u64,
        pieces: &[Piece],
    ) -> Result<Vec<(Request, u64)>, BlockRefusal> {
        self.part(client)?;
        self.has_room(client, pieces.len().max(1))?;
        let mut requests = Vec::with_capacity(pieces.len());
        for piece in pieces {
            match self.check(client, Kind::Write, attachment, *piece) {
                Ok(request) => requests.extend(request),
                Err(refusal) => {
                    requests.iter().for_each(|_| self.attachments.end(attachment));
                    return Err(refusal);
                }
            }
        }
        Ok(requests)
    }

    /// The request for the device, and where the client's part begins; `None` if it is about no block at all.
    fn check(
        &mut self,
        client: u64,
        kind: Kind,
        attachment: u64,
        Piece { offset, first, count }: Piece,
    ) -> Result<Option<(Request, u64)>, BlockRefusal> {
        let (part, geometry) = self.part(client)?;
        let bytes = u64::from(count) * u64::from(geometry.block_size);
        let length = u32::try_from(bytes).map_err(|_| BlockRefusal::OutsideMemory)? as usize;
        match kind {
            Kind::Write => geometry.blocks_to_write(first, length)?,
            Kind::Read | Kind::Flush => geometry.blocks_in(first, length)?,
        };
        // Devices gather memory by whole words at least.
        if !offset.is_multiple_of(8) {
            return Err(BlockRefusal::OutsideMemory);
        }
        self.has_room(client, 1)?;
        let address = self.attachments.begin(client, attachment, offset, bytes)?;
        if count == 0 {
            self.attachments.end(attachment);
            return Ok(None);
        }
        Ok(Some((Request { kind, first: part.first + first, count, address }, part.first)))
    }

    /// Whether a client may ask for so much more.
    fn has_room(&self, client: u64, more: usize) -> Result<(), BlockRefusal> {
        let pending = || self.under_way.iter().flatten().chain(&self.waiting);
        let own = pending().filter(|other| other.client == client).count();
        if own + more > MAX_REQUESTS || pending().count() + more > MAX_TOTAL { Err(BlockRefusal::Full) } else { Ok(()) }
    }

    /// Gives a request to the device, after those that wait.
    fn enqueue(&mut self, pending: Pending<W>) {
        if !self.waiting.is_empty() {
            self.waiting.push_back(pending);
        } else if let Err(pending) = self.submit(pending) {
            self.waiting.push_back(pending);
        }
    }

    /// Gives a request to the device; gives it back if there is no room.
    fn submit(&mut self, pending: Pending<W>) -> Result<(), Pending<W>> {
        let free = self.under_way.iter().position(Option::is_none);
        let place = free.unwrap_or_else(|| {
            self.under_way.push(None);
            self.under_way.len() - 1
        });
        let count = pending.request.count.min(self.most_blocks());
        match self.queue.submit(place as u32, &Request { count, ..pending.request }) {
            Ok(()) => {
                self.under_way[place] = Some(pending);
                Ok(())
            }
            Err(Full) => Err(pending),
        }
    }
}

impl<Q: BlockQueue, M: Mapper> Block for BlockServer<Q, M, Deferred<(), BlockRefusal>> {
    fn geometry(&mut self, caller: Caller) -> Result<Geometry, BlockRefusal> {
        Ok(self.part(caller.badge)?.1)
    }

    fn attach(&mut self, caller: Caller, memory: Region, first: bool) -> Result<u64, BlockRefusal> {
        self.attach_memory(caller.badge, memory, first)
    }

    fn detach(&mut self, caller: Caller, attachment: u64) -> Result<(), BlockRefusal> {
        self.detach_memory(caller.badge, attachment)
    }

    fn read(
        &mut self,
        caller: Caller,
        attachment: u64,
        offset: u64,
        first: u64,
        count: u32,
        reply: Deferred<(), BlockRefusal>,
    ) {
        self.read_blocks(caller.badge, attachment, Piece { offset, first, count }, reply);
    }

    fn write(
        &mut self,
        caller: Caller,
        attachment: u64,
        pieces: Vec<Piece>,
        flush: bool,
        reply: Deferred<(), BlockRefusal>,
    ) {
        self.write_pieces(caller.badge, attachment, &pieces, flush, reply);
    }
}
