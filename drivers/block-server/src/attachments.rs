//! Memory that clients lent, by number and client.

use airox_api::block::{BlockRefusal, MAX_ATTACHMENTS};
use airox_rt::Region;
use alloc::vec::Vec;

/// Most attachments of all clients together.
const MAX_TOTAL: usize = 32;

/// Memory as the device reaches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Its address.
    pub address: u64,
    /// Bytes.
    pub length: u64,
}

/// Lets the device use memory.
pub trait Mapper {
    /// From now on; keeps the memory alive until [`Mapper::unmap`].
    ///
    /// # Errors
    /// The device cannot use it.
    fn map(&mut self, region: Region) -> Result<Memory, BlockRefusal>;

    /// Not any more.
    fn unmap(&mut self, memory: Memory);
}

#[derive(Debug)]
struct Attachment {
    number: u64,
    client: u64,
    memory: Memory,
    /// Requests under way.
    users: u32,
    /// When it was used last, by a count of uses.
    used: u64,
    /// Given up, once no request uses it.
    leaving: bool,
}

/// All of them.
#[derive(Debug)]
pub struct Attachments<M> {
    mapper: M,
    list: Vec<Attachment>,
    next: u64,
    uses: u64,
}

impl<M: Mapper> Attachments<M> {
    /// None yet. Numbers count from `first`, which no earlier instance of the driver may have reached: a client must not take another's attachment
    /// for its own.
    pub fn new(mapper: M, first: u64) -> Attachments<M> {
        Attachments { mapper, list: Vec::new(), next: first, uses: 0 }
    }

    /// Attaches memory of a client. `first`: its others are those of a program that ended.
    pub fn attach(&mut self, client: u64, region: Region, first: bool) -> Result<u64, BlockRefusal> {
        if first {
            self.list.iter_mut().filter(|it| it.client == client).for_each(|it| it.leaving = true);
        }
        let own = self.list.iter_mut().filter(|it| it.client == client && !it.leaving);
        if own.count() >= MAX_ATTACHMENTS {
            let own = self.list.iter_mut().filter(|it| it.client == client && !it.leaving);
            if let Some(oldest) = own.min_by_key(|it| it.used) {
                oldest.leaving = true;
            }
        }
        self.sweep();
        if self.list.len() >= MAX_TOTAL {
            return Err(BlockRefusal::Full);
        }
        let memory = self.mapper.map(region)?;
        let number = self.next;
        self.next += 1;
        self.uses += 1;
        self.list.push(Attachment { number, client, memory, users: 0, used: self.uses, leaving: false });
        Ok(number)
    }

    /// Gives an attachment up.
    pub fn detach(&mut self, client: u64, number: u64) -> Result<(), BlockRefusal> {
        self.find(client, number)?.leaving = true;
        self.sweep();
        Ok(())
    }

    /// The device's address of `length` bytes from `offset` on, which a request uses from now on.
    pub fn begin(&mut self, client: u64, number: u64, offset: u64, length: u64) -> Result<u64, BlockRefusal> {
        self.uses += 1;
        let uses = self.uses;
        let attachment = self.find(client, number)?;
        let fits = offset.checked_add(length).is_some_and(|end| end <= attachment.memory.length);
        if !fits {
            return Err(BlockRefusal::OutsideMemory);
        }
        attachment.users += 1;
        attachment.used = uses;
        Ok(attachment.memory.address + offset)
    }

    /// A request is done with it.
    pub fn end(&mut self, number: u64) {
        if let Some(attachment) = self.list.iter_mut().find(|it| it.number == number) {
            attachment.users = attachment.users.saturating_sub(1);
            if attachment.leaving {
                self.sweep();
            }
        }
    }

    fn find(&mut self, client: u64, number: u64) -> Result<&mut Attachment, BlockRefusal> {
        let mut list = self.list.iter_mut();
        list.find(|it| it.number == number && it.client == client && !it.leaving).ok_or(BlockRefusal::NotAttached)
    }

    /// Unmaps what is given up and not used any more.
    fn sweep(&mut self) {
        let mapper = &mut self.mapper;
        self.list.retain(|it| {
            let goes = it.leaving && it.users == 0;
            if goes {
                mapper.unmap(it.memory);
            }
            !goes
        });
    }
}
