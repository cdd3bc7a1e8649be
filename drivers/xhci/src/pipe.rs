//! An endpoint: its ring, and what is under way on it (sections 4.9 and 4.11).

use airox_driver_traits::dma::DmaMemory;
use airox_driver_traits::usb::{Setup, TransferError, UsbError};
use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::ring::Ring;
use crate::trb::{self, Trb, code, kind};

/// Most bytes of a transfer.
pub const MOST_BYTES: u32 = 1 << 20;
/// The data of a block lies within this many bytes (section 4.11.1).
const BOUNDARY: u64 = 1 << 16;

/// How it goes with an endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It takes transfers.
    Running,
    /// It takes none until it is recovered.
    Halted,
    /// It is being recovered.
    Recovering,
}

/// The number of a transfer, from the driver.
pub type Ticket = u32;
/// A transfer that is over.
pub type Over = (Ticket, Result<u32, TransferError>);

/// A transfer under way.
#[derive(Debug)]
struct Pending {
    ticket: Ticket,
    /// Place of its first block.
    first: usize,
    /// Bytes of each of its blocks.
    blocks: Vec<u32>,
    is_request: bool,
    /// Of a request: what was moved, if it was less than wanted.
    short: Option<u32>,
}

impl Pending {
    /// Which of its blocks is at a place.
    fn block(&self, place: usize) -> Option<usize> {
        let index = (place + Ring::ROOM - self.first) % Ring::ROOM;
        (index < self.blocks.len()).then_some(index)
    }
}

/// An endpoint that is set up.
#[derive(Debug)]
pub struct Pipe {
    pub ring: Ring,
    pub state: State,
    /// Most bytes of a packet.
    pub packet: u16,
    is_in: bool,
    pending: VecDeque<Pending>,
}

impl Pipe {
    /// An endpoint with an empty ring.
    pub const fn new(ring: Ring, packet: u16, is_in: bool) -> Pipe {
        Pipe { ring, state: State::Running, packet, is_in, pending: VecDeque::new() }
    }

    /// Where the controller is to go on.
    pub fn oldest(&self) -> usize {
        self.pending.front().map_or(self.ring.next(), |pending| pending.first)
    }

    /// Whether something is under way.
    pub fn is_busy(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Gives everything up that is under way.
    pub fn give_up(&mut self, why: TransferError) -> Vec<Over> {
        self.pending.drain(..).map(|pending| (pending.ticket, Err(why))).collect()
    }

    /// Adds a transfer, or with `setup` a request, which has as many bytes as it says.
    pub fn add<D: DmaMemory>(
        &mut self,
        memory: &mut D,
        ticket: Ticket,
        (address, length): (u64, u32),
        setup: Option<Setup>,
    ) -> Result<(), UsbError> {
        if self.state != State::Running {
            return Err(UsbError::Halted);
        }
        if length > MOST_BYTES {
            return Err(UsbError::BadMemory);
        }
        let data = match setup {
            None => self.pieces(address, length, self.is_in),
            Some(_) if length == 0 => Vec::new(),
            Some(setup) => self.pieces(address, length, setup.kind & Setup::IN != 0),
        };
        let blocks = match setup {
            None => data,
            Some(setup) => request(setup, data),
        };
        let used: usize = self.pending.iter().map(|pending| pending.blocks.len()).sum();
        if used + blocks.len() >= Ring::ROOM {
            return Err(UsbError::Full);
        }
        let first = self.ring.next();
        let lengths = blocks.iter().map(|block| block.status & 0x1_ffff);
        let is_request = setup.is_some();
        self.pending.push_back(Pending { ticket, first, blocks: lengths.collect(), is_request, short: None });
        for block in blocks {
            self.ring.push(memory, block);
        }
        Ok(())
    }

    /// The blocks of a transfer's data, the last of which asks for an event.
    fn pieces(&self, address: u64, length: u32, is_in: bool) -> Vec<Trb> {
        /// Where a block says how many packets come after it.
        const LEFT: u32 = 17;
        let short = if is_in { trb::ON_SHORT } else { 0 };
        let packet = u32::from(self.packet.max(1));
        let mut pieces = Vec::new();
        let mut done = 0;
        loop {
            let at = address + u64::from(done);
            let room = (BOUNDARY - at % BOUNDARY) as u32;
            let bytes = room.min(length - done);
            done += bytes;
            let last = done == length;
            let left = (length - done).div_ceil(packet).min(31);
            let next = if last { trb::ON_COMPLETION } else { trb::CHAIN };
            pieces.push(Trb {
                parameter: at,
                status: bytes | left << LEFT,
                control: kind::NORMAL << 10 | short | next,
            });
            if last {
                return pieces;
            }
        }
    }

    /// The controller says what became of a block. Returns the transfer, if that ends it, and whether the endpoint takes no more.
    pub fn event(&mut self, place: usize, event: Trb) -> (Option<Over>, bool) {
        let found = self.pending.iter().enumerate().find_map(|(index, it)| Some((index, it.block(place)?)));
        let Some((index, block)) = found.filter(|_| !code::STOPPED.contains(&event.code())) else {
            return (None, false);
        };
        let pending = &mut self.pending[index];
        let last = block + 1 == pending.blocks.len();
        let own = pending.blocks[block];
        // A request's first block is not data.
        let from = usize::from(pending.is_request);
        let before: u32 = pending.blocks.iter().take(block).skip(from).sum();
        let moved = before + own.saturating_sub(event.residue());
        let result = match event.code() {
            code::SHORT if pending.is_request && !last => {
                pending.short = Some(moved);
                return (None, false);
            }
            code::SUCCESS if !last => return (None, false),
            code::SUCCESS | code::SHORT if pending.is_request => Ok(pending.short.unwrap_or(before)),
            code::SUCCESS | code::SHORT => Ok(moved),
            code::STALL => Err(TransferError::Stalled),
            _ => Err(TransferError::Failed),
        };
        let ticket = pending.ticket;
        self.pending.remove(index);
        if result.is_err() {
            self.state = State::Halted;
        }
        (Some((ticket, result)), result.is_err())
    }
}

/// The blocks of a request with this data (section 4.11.2.2): what is wanted, the data, how it went.
fn request(setup: Setup, mut data: Vec<Trb>) -> Vec<Trb> {
    let is_in = setup.kind & Setup::IN != 0;
    let kind_of_data = match (data.is_empty(), is_in) {
        (true, _) => 0,
        (_, false) => 2,
        (_, true) => 3,
    };
    let control = kind::SETUP << 10 | trb::IMMEDIATE | kind_of_data << 16;
    let mut blocks = alloc::vec![Trb { parameter: setup.bits(), status: 8, control }];
    if let Some(first) = data.first_mut() {
        let flags = first.control & (trb::CHAIN | trb::ON_SHORT);
        first.control = kind::DATA << 10 | flags | if is_in { trb::IN } else { 0 };
    }
    for block in data.iter_mut().skip(1) {
        block.control &= !trb::ON_COMPLETION;
    }
    let answer = if is_in && !data.is_empty() { 0 } else { trb::IN };
    blocks.append(&mut data);
    blocks.push(Trb { parameter: 0, status: 0, control: kind::STATUS << 10 | trb::ON_COMPLETION | answer });
    blocks
}
