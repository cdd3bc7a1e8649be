//! Drivers of interfaces: what each may use, lent, and has under way.

use airox_api::device::CHILD_BADGE;
use airox_api::usb::{MAX_ATTACHMENTS, MAX_DONE, MAX_TRANSFERS, Usb};
use airox_api::{Caller, Deferred};
use airox_driver_traits::usb::{Description, Done, Endpoint, EndpointKind, Setup, TransferError, UsbError};
use airox_rt::{Region, Signal};
use airox_usb::may_request;
use airox_usb::request::clear_halt;
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use crate::Requests;
use crate::bus::{Bus, Failure, Host};
use crate::context;
use crate::pipe::{State, Ticket};

/// Bytes that an attachment takes of its driver's addresses. The first begins behind nothing, so that 0 is no address.
const SHARE: u64 = 1 << 32;

/// Memory that a driver lent.
#[derive(Clone, Copy, Debug)]
struct Memory {
    /// As the controller names it.
    address: u64,
    length: u64,
    /// Transfers that use it.
    users: u32,
}

/// The driver of an interface, whichever process it is.
pub struct Client<H: Host> {
    slot: u8,
    description: Description,
    /// Whether its device has no other interface.
    alone: bool,
    /// How the process that opened it is told.
    signal: Option<(H::Signal, u64)>,
    /// How often it was opened.
    opened: u64,
    memory: Vec<Option<Memory>>,
    done: VecDeque<Done>,
    under_way: usize,
}

impl<H: Host> Client<H> {
    /// An interface that nobody has opened.
    pub fn new(slot: u8, description: Description, alone: bool) -> Client<H> {
        let (memory, done) = (Vec::new(), VecDeque::new());
        Client { slot, description, alone, signal: None, opened: 0, memory, done, under_way: 0 }
    }

    /// The endpoint of an address, if it is one that transfers.
    fn endpoint(&self, address: u8) -> Result<Endpoint, UsbError> {
        let usable =
            |it: &&Endpoint| it.address == address && matches!(it.kind, EndpointKind::Bulk | EndpointKind::Interrupt);
        self.description.endpoints.iter().find(usable).copied().ok_or(UsbError::NoSuchEndpoint)
    }

    /// Where so many bytes are, and in which attachment.
    fn resolve(&self, address: u64, length: u32) -> Result<(u64, Option<usize>), UsbError> {
        if length == 0 {
            return Ok((0, None));
        }
        let index = (address / SHARE).checked_sub(1).ok_or(UsbError::BadMemory)? as usize;
        let memory = self.memory.get(index).and_then(Option::as_ref).ok_or(UsbError::BadMemory)?;
        let offset = address % SHARE;
        if offset + u64::from(length) > memory.length {
            return Err(UsbError::BadMemory);
        }
        Ok((memory.address + offset, Some(index)))
    }

    fn over(&mut self, host: &H, id: u32, result: Result<u32, TransferError>) {
        self.under_way = self.under_way.saturating_sub(1);
        self.done.push_back(Done { id, result });
        self.tell(host);
    }

    fn tell(&self, host: &H) {
        if let Some((signal, bits)) = &self.signal {
            host.notify(signal, *bits);
        }
    }
}

/// A transfer of a driver.
struct Given {
    key: u32,
    id: u32,
    attachment: Option<usize>,
    /// The number of the process that began it: [`Client::opened`] then.
    opened: u64,
}

/// All of them.
pub struct Clients<H: Host> {
    by_key: BTreeMap<u32, Client<H>>,
    given: BTreeMap<Ticket, Given>,
    next_key: u32,
}

impl<H: Host> Clients<H> {
    pub const fn new() -> Clients<H> {
        Clients { by_key: BTreeMap::new(), given: BTreeMap::new(), next_key: 1 }
    }

    /// A key that no interface had.
    pub fn next_key(&mut self) -> u32 {
        self.next_key += 1;
        self.next_key - 1
    }

    pub fn add(&mut self, key: u32, client: Client<H>) {
        self.by_key.insert(key, client);
    }

    /// Their device has gone. Returns the memory they lent, which the controller must have let go of before it is given back.
    pub fn remove(&mut self, host: &H, keys: &[u32]) -> Vec<u64> {
        let gone: Vec<Client<H>> = keys.iter().filter_map(|key| self.by_key.remove(key)).collect();
        gone.iter().for_each(|client| client.tell(host));
        gone.iter().flat_map(|client| client.memory.iter().flatten().map(|memory| memory.address)).collect()
    }

    /// A transfer is over.
    pub fn over(&mut self, host: &H, ticket: Ticket, result: Result<u32, TransferError>) {
        let Some(given) = self.given.remove(&ticket) else { return };
        let Some(client) = self.by_key.get_mut(&given.key) else { return };
        let memory = given.attachment.and_then(|index| client.memory.get_mut(index)).and_then(Option::as_mut);
        if let Some(memory) = memory {
            memory.users = memory.users.saturating_sub(1);
        }
        // An earlier process's is nobody's.
        if given.opened == client.opened {
            client.over(host, given.id, result);
        }
    }

    fn client(&mut self, key: u32) -> Result<&mut Client<H>, UsbError> {
        self.by_key.get_mut(&key).ok_or(UsbError::Gone)
    }

    /// An interface that somebody has opened, if he may have more under way.
    fn ready(&mut self, key: u32) -> Result<&mut Client<H>, UsbError> {
        let client = self.client(key)?;
        match client.signal {
            None => Err(UsbError::Gone),
            Some(_) if client.under_way + client.done.len() >= MAX_TRANSFERS => Err(UsbError::Full),
            Some(_) => Ok(client),
        }
    }
}

impl<H: Host> Bus<H> {
    /// Begins a transfer, or with `setup` a request; see [`Usb`].
    ///
    /// # Errors
    /// [`UsbError`].
    pub fn submit(
        &self,
        key: u32,
        id: u32,
        endpoint: u8,
        (address, length): (u64, u32),
        setup: Option<Setup>,
    ) -> Result<(), UsbError> {
        let mut clients = self.0.clients.borrow_mut();
        let client = clients.ready(key)?;
        match setup {
            None => drop(client.endpoint(endpoint)?),
            Some(setup) => {
                let (number, endpoints) = (client.description.address.interface, &client.description.endpoints);
                if !may_request(&setup, number, endpoints, client.alone) {
                    return Err(UsbError::NotAllowed);
                }
            }
        }
        let (at, attachment) = client.resolve(address, length)?;
        let mut core = self.0.core.borrow_mut();
        let ticket = core.submit(client.slot, context::number(endpoint), (at, length), setup)?;
        if let Some(memory) = attachment.and_then(|index| client.memory.get_mut(index)).and_then(Option::as_mut) {
            memory.users += 1;
        }
        client.under_way += 1;
        let opened = client.opened;
        clients.given.insert(ticket, Given { key, id, attachment, opened });
        Ok(())
    }

    /// Lends memory; see [`Usb::attach`].
    ///
    /// # Errors
    /// [`UsbError`].
    pub fn attach(&self, key: u32, memory: H::Lent) -> Result<u64, UsbError> {
        let mut clients = self.0.clients.borrow_mut();
        let client = clients.client(key)?;
        if client.signal.is_none() {
            return Err(UsbError::Gone);
        }
        let free = client.memory.iter().position(Option::is_none).unwrap_or(client.memory.len());
        if free >= MAX_ATTACHMENTS {
            return Err(UsbError::Full);
        }
        let (address, length) = self.0.host.lend(memory)?;
        if length > SHARE {
            self.0.host.give_back(address);
            return Err(UsbError::BadMemory);
        }
        client.memory.resize(client.memory.len().max(free + 1), None);
        client.memory[free] = Some(Memory { address, length, users: 0 });
        Ok((free as u64 + 1) * SHARE)
    }

    /// Takes it back; see [`Usb::detach`].
    ///
    /// # Errors
    /// [`UsbError`].
    pub fn detach(&self, key: u32, address: u64) -> Result<(), UsbError> {
        let mut clients = self.0.clients.borrow_mut();
        let client = clients.client(key)?;
        let index = (address / SHARE).checked_sub(1).filter(|_| address.is_multiple_of(SHARE));
        let entry = index.and_then(|index| client.memory.get_mut(index as usize)).ok_or(UsbError::BadMemory)?;
        let memory = entry.take_if(|memory| memory.users == 0).ok_or(UsbError::BadMemory)?;
        self.0.host.give_back(memory.address);
        Ok(())
    }

    /// Transfers that are over; see [`Usb::done`].
    ///
    /// # Errors
    /// [`UsbError::Gone`].
    pub fn done(&self, key: u32) -> Result<Vec<Done>, UsbError> {
        let mut clients = self.0.clients.borrow_mut();
        let client = clients.client(key)?;
        let count = client.done.len().min(MAX_DONE);
        Ok(client.done.drain(..count).collect())
    }

    /// Begins to recover an endpoint; see [`Usb::recover`].
    ///
    /// # Errors
    /// [`UsbError`].
    pub fn recover(&self, key: u32, id: u32, address: u8) -> Result<(), UsbError> {
        let (slot, endpoint, opened) = {
            let mut clients = self.0.clients.borrow_mut();
            let client = clients.ready(key)?;
            let endpoint = client.endpoint(address)?;
            client.under_way += 1;
            (client.slot, endpoint, client.opened)
        };
        let bus = self.clone();
        self.0.host.spawn(Box::pin(async move {
            let result = match bus.start_anew(slot, &endpoint).await {
                Ok(()) => Ok(0),
                Err(Failure::Transfer(error)) => Err(error),
                Err(_) => Err(TransferError::Failed),
            };
            let mut clients = bus.0.clients.borrow_mut();
            if let Some(client) = clients.by_key.get_mut(&key).filter(|client| client.opened == opened) {
                client.over(&bus.0.host, id, result);
            }
        }));
        Ok(())
    }

    /// Gives up what is under way at an endpoint; controller and device begin anew there.
    async fn start_anew(&self, slot: u8, endpoint: &Endpoint) -> Result<(), Failure> {
        self.restart(slot, endpoint).await?;
        match self.request(slot, clear_halt(endpoint.address)).await {
            // Some devices do not know that request, as nothing ever halts there.
            Ok(_) | Err(Failure::Transfer(TransferError::Stalled)) => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    /// Begins for a new process; see [`Usb::open`].
    ///
    /// # Errors
    /// [`UsbError::Gone`]: the device has, or a still newer process came.
    pub async fn open(&self, key: u32, signal: H::Signal, bits: u64) -> Result<Description, UsbError> {
        let (slot, description, opened) = {
            let mut clients = self.0.clients.borrow_mut();
            let client = clients.client(key)?;
            client.opened += 1;
            (client.signal, client.under_way) = (None, 0);
            client.done.clear();
            (client.slot, client.description.clone(), client.opened)
        };
        for endpoint in &description.endpoints {
            let used = {
                let mut core = self.0.core.borrow_mut();
                let pipe = core.pipe(slot, context::number(endpoint.address));
                pipe.is_some_and(|(pipe, _)| pipe.state != State::Running || pipe.ring.next() != 0 || pipe.is_busy())
            };
            if used && let Err(failure) = self.start_anew(slot, endpoint).await {
                log::warn!("{}: {failure}", description.address);
            }
        }
        let busy = |bus: &Self| bus.0.clients.borrow().given.values().any(|given| given.key == key);
        // What is left are requests, which end by themselves or with their endpoint.
        if self.soon(|bus| (!busy(bus)).then_some(())).await.is_none() {
            let control = Endpoint { address: 0, kind: EndpointKind::Control, packet: 0, interval: 0, burst: 0 };
            self.restart(slot, &control).await.map_err(|_| UsbError::Gone)?;
        }
        let mut clients = self.0.clients.borrow_mut();
        let client = clients.client(key)?;
        if client.opened != opened {
            return Err(UsbError::Gone);
        }
        for memory in client.memory.drain(..).flatten() {
            self.0.host.give_back(memory.address);
        }
        client.signal = Some((signal, bits));
        Ok(description)
    }
}

/// The key of the interface that a handle is for.
fn key(caller: Caller) -> Result<u32, UsbError> {
    let is = caller.badge & CHILD_BADGE != 0 && !caller.is_delegate();
    if is { Ok(caller.badge as u32) } else { Err(UsbError::NotAllowed) }
}

impl<H: Host<Lent = Region, Signal = Signal>> Usb for Requests<H> {
    fn open(&mut self, caller: Caller, signal: Signal, bits: u64, reply: Deferred<Description, UsbError>) {
        let bus = self.0.clone();
        self.0.0.host.spawn(Box::pin(async move {
            let opened = match key(caller) {
                Ok(key) => bus.open(key, signal, bits).await,
                Err(error) => Err(error),
            };
            // Who asked may be gone by now; the next one opens again.
            let _ = reply.send(opened);
        }));
    }

    fn attach(&mut self, caller: Caller, memory: Region) -> Result<u64, UsbError> {
        self.0.attach(key(caller)?, memory)
    }

    fn detach(&mut self, caller: Caller, address: u64) -> Result<(), UsbError> {
        self.0.detach(key(caller)?, address)
    }

    fn transfer(&mut self, caller: Caller, id: u32, endpoint: u8, address: u64, length: u32) -> Result<(), UsbError> {
        self.0.submit(key(caller)?, id, endpoint, (address, length), None)
    }

    fn request(&mut self, caller: Caller, id: u32, setup: Setup, address: u64) -> Result<(), UsbError> {
        self.0.submit(key(caller)?, id, 0, (address, setup.length.into()), Some(setup))
    }

    fn recover(&mut self, caller: Caller, id: u32, endpoint: u8) -> Result<(), UsbError> {
        self.0.recover(key(caller)?, id, endpoint)
    }

    fn done(&mut self, caller: Caller) -> Result<Vec<Done>, UsbError> {
        self.0.done(key(caller)?)
    }
}
