//! Physical memory: a buddy allocator over 4 KiB frames.
//!
//! Single frames come from and go to a few spare ones that are not merged: a process takes and returns dozens, and splitting
//! and merging the same large block for each costs more than the frame's use. They count as free.
//!
//! Its bookkeeping lies in arrays indexed by frame number, not in the frames, so no frame is ever touched to allocate or free it.
//! Cost of both operations is bounded by the number of orders.

use crate::machine::Frame;
use crate::slab::NONE;
use alloc::vec;
use alloc::vec::Vec;
use arrayvec::ArrayVec;

/// The largest block is 2^13 frames: 32 MiB.
const ORDERS: usize = 14;
const NOT_FREE: u8 = 0xff;
/// `order` of a spare frame.
const SPARE: u8 = 0xfe;
/// Most spare frames.
const SPARES: usize = 64;

/// What is known of a frame, or of the free block that starts with it.
#[derive(Clone, Copy)]
struct Block {
    next: u32,
    previous: u32,
    /// Order of the free block, `SPARE`, or `NOT_FREE`.
    order: u8,
}

impl Block {
    const NOT_FREE: Block = Block { next: NONE, previous: NONE, order: NOT_FREE };
}

/// All frames the kernel can hand out.
pub(crate) struct Frames {
    blocks: Vec<Block>,
    heads: [u32; ORDERS],
    /// Not merged, and not counted in `free`.
    spares: ArrayVec<u32, SPARES>,
    /// One that holds zeros, and is not counted in `free` either.
    pub(crate) blank: Option<Frame>,
    free: u32,
}

impl Frames {
    /// Bytes of bookkeeping for each frame below `end`.
    pub(crate) const BYTES_EACH: usize = size_of::<Block>();

    /// An allocator for frames below `end` that has none yet.
    pub(crate) fn new(end: u32) -> Frames {
        let blocks = vec![Block::NOT_FREE; end as usize];
        Frames { blocks, heads: [NONE; ORDERS], spares: ArrayVec::new(), blank: None, free: 0 }
    }

    /// Frames not handed out.
    pub(crate) fn free(&self) -> u32 {
        self.free + self.spares.len() as u32 + u32::from(self.blank.is_some())
    }

    /// One frame, contents undefined.
    pub(crate) fn allocate(&mut self) -> Option<Frame> {
        let Some(frame) = self.spares.pop() else { return self.take(0).map(Frame) };
        self.blocks[frame as usize].order = NOT_FREE;
        Some(Frame(frame))
    }

    /// `count` frames in a row, contents undefined. What is over of the block they came from goes back at once.
    pub(crate) fn allocate_contiguous(&mut self, count: u32) -> Option<Frame> {
        let order = count.checked_next_power_of_two()?.trailing_zeros() as usize;
        if count == 0 || order >= ORDERS {
            return None;
        }
        let first = self.take(order).or_else(|| {
            self.merge_spares();
            self.take(order)
        })?;
        self.release_contiguous(Frame(first + count), (1 << order) - count);
        Some(Frame(first))
    }

    /// Takes back a frame.
    pub(crate) fn release(&mut self, frame: Frame) {
        if self.spares.is_full() {
            self.give(frame.0, 0);
            return;
        }
        let order = &mut self.blocks[frame.0 as usize].order;
        assert!(*order == NOT_FREE, "frame {:#x} freed twice", frame.0);
        *order = SPARE;
        self.spares.push(frame.0);
    }

    /// Merges the spare frames with their neighbours.
    #[cold]
    fn merge_spares(&mut self) {
        let blank = self.blank.take().map(|frame| frame.0);
        for frame in core::mem::take(&mut self.spares).into_iter().chain(blank) {
            self.blocks[frame as usize].order = NOT_FREE;
            self.give(frame, 0);
        }
    }

    /// Takes back frames in a row, or takes in new ones.
    pub(crate) fn release_contiguous(&mut self, Frame(mut first): Frame, mut count: u32) {
        while count > 0 {
            let alignment = first.trailing_zeros().min(ORDERS as u32 - 1);
            let order = alignment.min(31 - count.leading_zeros());
            self.give(first, order as usize);
            first += 1 << order;
            count -= 1 << order;
        }
    }

    fn take(&mut self, order: usize) -> Option<u32> {
        let found = (order..ORDERS).find(|&o| self.heads[o] != NONE)?;
        let block = self.heads[found];
        self.unlink(block, found);
        for smaller in (order..found).rev() {
            self.link(block + (1 << smaller), smaller);
        }
        self.free -= 1 << order;
        Some(block)
    }

    fn give(&mut self, mut block: u32, mut order: usize) {
        self.free += 1 << order;
        while order + 1 < ORDERS {
            let buddy = block ^ (1 << order);
            let buddy_block = self.blocks.get(buddy as usize);
            if buddy_block.is_none_or(|buddy| buddy.order as usize != order) {
                break;
            }
            self.unlink(buddy, order);
            block &= !(1 << order);
            order += 1;
        }
        self.link(block, order);
    }

    fn link(&mut self, block: u32, order: usize) {
        let head = core::mem::replace(&mut self.heads[order], block);
        let entry = &mut self.blocks[block as usize];
        assert!(entry.order == NOT_FREE, "frame {block:#x} freed twice");
        *entry = Block { next: head, previous: NONE, order: order as u8 };
        if head != NONE {
            self.blocks[head as usize].previous = block;
        }
    }

    fn unlink(&mut self, block: u32, order: usize) {
        let entry = &mut self.blocks[block as usize];
        entry.order = NOT_FREE;
        let (next, previous) = (entry.next, entry.previous);
        if previous == NONE {
            self.heads[order] = next;
        } else {
            self.blocks[previous as usize].next = next;
        }
        if next != NONE {
            self.blocks[next as usize].previous = previous;
        }
    }
}

#[cfg(test)]
#[path = "tests/frames.rs"]
mod tests;
