//! A disk, over a port: blocks travel by DMA between the device and memory that the client owns.
//!
//! A client hands its memory over once ([`Block::attach`]); requests then name the attachment and say where in it the blocks are.
//! A request writes several pieces and may flush after them: so a client of a file system waits once.
//! Several requests of one client may be under way; each is answered when the device is done with it. A driver that was restarted
//! knows no attachment of its predecessor: it answers [`BlockRefusal::NotAttached`], and the client attaches again.

use airox_api_macros::interface;
use airox_sys::Region;
use serde::{Deserialize, Serialize};

pub use airox_driver_traits::block::{BlockError, Geometry};

/// Most attachments of one client; another one takes the place of that least lately used.
pub const MAX_ATTACHMENTS: usize = 4;
/// Most requests of one client that wait or are under way.
pub const MAX_REQUESTS: usize = 16;

/// Most pieces that one request writes.
pub const MAX_PIECES: usize = MAX_REQUESTS;

/// Blocks to write, and where in attached memory they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// Byte of the memory.
    pub offset: u64,
    /// The first block.
    pub first: u64,
    /// How many blocks.
    pub count: u32,
}

/// Why a request was not done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BlockRefusal {
    /// The disk failed, or the request does not fit it.
    Failed(BlockError),
    /// The driver has no such attachment of this client.
    NotAttached,
    /// The range is not in the attached memory.
    OutsideMemory,
    /// Too many attachments or requests.
    Full,
    /// The handle names no part of the disk.
    NoSuchPart,
}

impl From<BlockError> for BlockRefusal {
    fn from(error: BlockError) -> BlockRefusal {
        BlockRefusal::Failed(error)
    }
}

impl core::fmt::Display for BlockRefusal {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str(match self {
            BlockRefusal::Failed(error) => return error.fmt(formatter),
            BlockRefusal::NotAttached => "the memory is not attached",
            BlockRefusal::OutsideMemory => "the range is not in the attached memory",
            BlockRefusal::Full => "too many attachments or requests",
            BlockRefusal::NoSuchPart => "the disk has no such part",
        })
    }
}

impl core::error::Error for BlockRefusal {}

/// A disk, or a part of one: which, the handle's badge says.
#[interface(name = "block")]
pub trait Block {
    /// Size and kind.
    #[inline_reply]
    fn geometry() -> Result<Geometry, BlockRefusal>;

    /// Lends contiguous memory (`RegionKind::Contiguous`) for requests; returns its number. `first` says that this is a new program: what
    /// an earlier one of the same client attached is given up. While it is attached the device may write it, and the driver keeps it alive.
    fn attach(#[rights(READ | WRITE | DMA | COPY)] memory: Region, first: bool) -> Result<u64, BlockRefusal>;

    /// Takes it back, as soon as no request uses it.
    fn detach(attachment: u64) -> Result<(), BlockRefusal>;

    /// Fills attached memory from byte `offset` on with `count` blocks from `first` on.
    #[deferred]
    fn read(attachment: u64, offset: u64, first: u64, count: u32) -> Result<(), BlockRefusal>;

    /// Writes pieces of attached memory, at most [`MAX_PIECES`], which must not change meanwhile, in whatever order. With `flush` it then makes them and all
    /// writes that have been answered durable. If it fails, any of the pieces may have been written.
    #[deferred]
    fn write(attachment: u64, pieces: &[Piece], flush: bool) -> Result<(), BlockRefusal>;
}
