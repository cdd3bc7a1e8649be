//! What waits: commands and the bus's own requests, as futures over the controller.

use airox_api::device::Child;
use airox_driver_traits::dma::DmaMemory;
use airox_driver_traits::pci::BusAddress;
use airox_driver_traits::registers::Registers;
use airox_driver_traits::usb::{Endpoint, EndpointKind, Setup, TransferError, UsbError};
use airox_usb::descriptor::Malformed;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use alloc::vec::Vec;
use core::cell::{Cell, RefCell};
use core::fmt;
use core::future::{Future, poll_fn};
use core::pin::{Pin, pin};
use core::task::Poll;
use futures_util::future::{Either, select};

use crate::clients::Clients;
use crate::context::{self, Input};
use crate::controller::{Broken, Core, DATA, Slot};
use crate::hub::Place;
use crate::pipe::{State, Ticket};
use crate::registers::{Bank, SetupError};
use crate::ring::PAGE;
use crate::trb::{Trb, code, kind};

/// How long the controller may take for a command, and a device for a request, in milliseconds (USB 2.0, section 9.2.6.4: five seconds).
const PATIENCE: u64 = 5_000;
/// Most data of the bus's own requests.
const MOST_DATA: usize = PAGE / 2;
/// Where hubs report their ports, in a device's memory.
pub const REPORT: usize = DATA + MOST_DATA;

/// What a bus needs from the program around it.
pub trait Host: 'static {
    /// The controller's registers.
    type Registers: Registers + 'static;
    /// Memory of this driver that the controller uses.
    type Memory: DmaMemory + 'static;
    /// Memory of a class driver.
    type Lent;
    /// How a class driver is told.
    type Signal;

    /// Zeroed memory, beginning with a page.
    fn allocate(&self, bytes: usize) -> Option<Self::Memory>;
    /// The controller does not use it any more.
    fn free(&self, memory: Self::Memory);
    /// Lets the controller use memory of a class driver: its address and length in bytes.
    ///
    /// # Errors
    /// It cannot be.
    fn lend(&self, memory: Self::Lent) -> Result<(u64, u64), UsbError>;
    /// It does not use it any more.
    fn give_back(&self, address: u64);
    /// Tells a class driver.
    fn notify(&self, signal: &Self::Signal, bits: u64);
    /// Waits.
    fn sleep(&self, milliseconds: u64) -> impl Future<Output = ()>;
    /// Runs this beside all else.
    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()>>>);
    /// An interface of a device, or a hub, has been found.
    fn found(&self, child: &Child);
    /// It has gone.
    fn lost(&self, key: u32);
    /// What was there at the start has been found.
    fn settled(&self, devices: usize);
    /// Where the controller is.
    fn address(&self) -> BusAddress;
}

/// Why something with a device did not work out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// A request did not.
    Transfer(TransferError),
    /// It did not answer.
    Silent,
    /// It describes itself wrongly.
    Malformed,
    /// The controller answered a command with this code.
    Command(u8),
    /// The controller has gone, or there is no memory or slot left.
    NoRoom,
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Transfer(error) => error.fmt(formatter),
            Failure::Silent => formatter.write_str("the device does not answer"),
            Failure::Malformed => Malformed.fmt(formatter),
            Failure::Command(code) => write!(formatter, "the controller answered with code {code}"),
            Failure::NoRoom => formatter.write_str("there is no room for the device"),
        }
    }
}

impl From<Malformed> for Failure {
    fn from(_: Malformed) -> Failure {
        Failure::Malformed
    }
}

/// What all tasks share.
pub struct Inner<H: Host> {
    pub host: H,
    pub core: RefCell<Core<H::Registers, H::Memory>>,
    pub clients: RefCell<Clients<H>>,
    /// The bus's own transfers that are over.
    results: RefCell<BTreeMap<Ticket, Result<u32, TransferError>>>,
    /// Those that somebody waits for.
    awaited: RefCell<Vec<Ticket>>,
    /// Ports at which is what cannot be used.
    pub given_up: RefCell<Vec<Place>>,
    /// Hubs, the controller among them, whose ports have not all been looked at.
    pub unseen: Cell<u32>,
    /// Whether it was told that all were.
    pub settled: Cell<bool>,
    /// A command was not answered.
    silent: Cell<bool>,
}

/// A controller and its bus; clones are the same one.
pub struct Bus<H: Host>(pub(crate) Rc<Inner<H>>);

impl<H: Host> Clone for Bus<H> {
    fn clone(&self) -> Bus<H> {
        Bus(Rc::clone(&self.0))
    }
}

impl<H: Host> Bus<H> {
    /// Takes a controller over; `window` gives so many bytes of its memory from a byte on, if they are there. [`Bus::run`] finds devices.
    ///
    /// # Errors
    /// Why it cannot be driven.
    pub fn new(host: H, window: impl FnMut(u64, u64) -> Option<H::Registers>) -> Result<Bus<H>, SetupError> {
        let core = Core::start(Bank::reset(window)?, |bytes| host.allocate(bytes))?;
        Ok(Bus(Rc::new(Inner {
            host,
            core: RefCell::new(core),
            clients: RefCell::new(Clients::new()),
            results: RefCell::default(),
            awaited: RefCell::default(),
            given_up: RefCell::default(),
            unseen: Cell::new(1),
            settled: Cell::new(false),
            silent: Cell::new(false),
        })))
    }

    /// Takes what the controller has to say. Returns whether there may be more.
    ///
    /// # Errors
    /// The controller cannot be used any more.
    pub fn interrupt(&self) -> Result<bool, Broken> {
        let more = self.0.core.borrow_mut().process();
        self.deliver();
        let refused = core::mem::take(&mut self.0.core.borrow_mut().refused);
        for slot in refused {
            let bus = self.clone();
            self.0.host.spawn(Box::pin(async move {
                // A device that is gone needs none, and one that cannot be recovered answers no more.
                let _ = bus.recover_control(slot).await;
            }));
        }
        if self.0.silent.get() { Err(Broken) } else { more }
    }

    /// Brings transfers that are over to whom they belong.
    pub(crate) fn deliver(&self) {
        let over = core::mem::take(&mut self.0.core.borrow_mut().over);
        for (ticket, result) in over {
            if self.0.awaited.borrow().contains(&ticket) {
                self.0.results.borrow_mut().insert(ticket, result);
            } else {
                self.0.clients.borrow_mut().over(&self.0.host, ticket, result);
            }
        }
    }

    /// Waits until `look` finds something.
    async fn until<T>(&self, mut look: impl FnMut(&Self) -> Option<T>) -> T {
        poll_fn(|context| {
            let found = look(self);
            if found.is_none() {
                self.0.core.borrow_mut().wake_later(context.waker());
            }
            found.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }

    /// The same, but no longer than the patience.
    pub(crate) async fn soon<T>(&self, look: impl FnMut(&Self) -> Option<T>) -> Option<T> {
        match select(pin!(self.until(look)), pin!(self.0.host.sleep(PATIENCE))).await {
            Either::Left((found, _)) => Some(found),
            Either::Right(_) => None,
        }
    }

    /// Waits until a port of the controller may have changed.
    pub(crate) async fn port_event(&self) {
        self.until(|bus| core::mem::take(&mut bus.0.core.borrow_mut().port_events).then_some(())).await;
    }

    /// Has the controller do something; returns its answer.
    pub(crate) async fn command(&self, command: Trb) -> Result<Trb, Failure> {
        let given = self.0.core.borrow_mut().command(command);
        let place = given.map_err(|_| Failure::NoRoom)?;
        match self.soon(|bus| bus.0.core.borrow_mut().take_answer(place)).await {
            Some(answer) if answer.code() == code::SUCCESS => Ok(answer),
            Some(answer) => Err(Failure::Command(answer.code())),
            None => {
                self.0.silent.set(true);
                Err(Failure::NoRoom)
            }
        }
    }

    /// Waits for a transfer of the bus's own, with or without patience.
    pub(crate) async fn transferred(&self, ticket: Ticket, patient: bool) -> Result<u32, Failure> {
        self.0.awaited.borrow_mut().push(ticket);
        // It may be over already.
        self.deliver();
        let look = |bus: &Self| bus.0.results.borrow_mut().remove(&ticket);
        let result = if patient { Some(self.until(look).await) } else { self.soon(look).await };
        self.0.awaited.borrow_mut().retain(|other| *other != ticket);
        result.ok_or(Failure::Silent)?.map_err(Failure::Transfer)
    }

    /// Makes a request of a device; returns the data that came.
    pub(crate) async fn request(&self, slot: u8, setup: Setup) -> Result<Vec<u8>, Failure> {
        let ticket = {
            let mut core = self.0.core.borrow_mut();
            let device = core.slots.get_mut(usize::from(slot)).and_then(Option::as_mut);
            let address = device.ok_or(Failure::NoRoom)?.memory.device_address() + DATA as u64;
            let length = usize::from(setup.length).min(MOST_DATA) as u16;
            let setup = Setup { length, ..setup };
            core.submit(slot, 1, (address, length.into()), Some(setup)).map_err(|_| Failure::NoRoom)?
        };
        let moved = self.transferred(ticket, false).await?;
        Ok(self.read(slot, DATA, moved as usize))
    }

    /// Bytes of a device's memory.
    pub(crate) fn read(&self, slot: u8, offset: usize, length: usize) -> Vec<u8> {
        let mut core = self.0.core.borrow_mut();
        let device = core.slots.get_mut(usize::from(slot)).and_then(Option::as_mut);
        let memory = device.map(|device| &mut device.memory);
        memory
            .map_or_else(Vec::new, |memory| (0..length.min(MOST_DATA)).map(|at| memory.read_u8(offset + at)).collect())
    }

    /// Tells the controller of a device's endpoints, each with the address of its ring; `again`: they begin anew.
    pub(crate) async fn configure(
        &self,
        slot: u8,
        command: u32,
        endpoints: &[(Endpoint, u64)],
        again: bool,
    ) -> Result<(), Failure> {
        let input = {
            let mut core = self.0.core.borrow_mut();
            let bytes = core.registers.parameters().context;
            let device = core.slots.get_mut(usize::from(slot)).and_then(Option::as_mut).ok_or(Failure::NoRoom)?;
            let last = device.pipes.iter().rposition(Option::is_some).unwrap_or(1) as u8;
            let (route, hub) = (device.route, device.hub.map(|hub| (hub.ports, hub.think_time)));
            let mut input = Input::new(&mut device.memory, Slot::<H::Memory>::input(), bytes);
            for (endpoint, ring) in endpoints {
                input.endpoint(endpoint, route.speed, *ring, again);
            }
            input.finish(&route, hub, last);
            device.memory.device_address() + Slot::<H::Memory>::input() as u64
        };
        self.command(Trb::command(command, slot, 0, input)).await.map(drop)
    }

    /// Stops an endpoint, whatever it does; the controller does not use its ring when this returns.
    async fn stop(&self, slot: u8, number: u8, halted: bool) -> Result<(), Failure> {
        let command = if halted { kind::RESET_ENDPOINT } else { kind::STOP_ENDPOINT };
        match self.command(Trb::command(command, slot, number, 0)).await {
            // It is not running, or not halted any more: the other way, then.
            Err(Failure::Command(code::CONTEXT_STATE)) if halted => {
                match self.command(Trb::command(kind::STOP_ENDPOINT, slot, number, 0)).await {
                    Err(Failure::Command(code::CONTEXT_STATE)) => Ok(()),
                    other => other.map(drop),
                }
            }
            Err(Failure::Command(code::CONTEXT_STATE)) => {
                match self.command(Trb::command(kind::RESET_ENDPOINT, slot, number, 0)).await {
                    Err(Failure::Command(code::CONTEXT_STATE)) => Ok(()),
                    other => other.map(drop),
                }
            }
            other => other.map(drop),
        }
    }

    /// Lets endpoint 0 go on behind a request that was refused.
    async fn recover_control(&self, slot: u8) -> Result<(), Failure> {
        self.stop(slot, 1, true).await?;
        let pointer = {
            let mut core = self.0.core.borrow_mut();
            let (pipe, memory) = core.pipe(slot, 1).ok_or(Failure::NoRoom)?;
            pipe.ring.pointer(memory, pipe.oldest())
        };
        self.command(Trb { parameter: pointer, ..Trb::command(kind::SET_DEQUEUE, slot, 1, 0) }).await?;
        let mut core = self.0.core.borrow_mut();
        if let Some((pipe, _)) = core.pipe(slot, 1) {
            pipe.state = State::Running;
            let busy = pipe.is_busy();
            if busy {
                core.registers.ring(slot, 1);
            }
        }
        Ok(())
    }

    /// Stops an endpoint, gives up what is under way there, and lets it begin anew. The controller counts packets anew, too: the device must be told to.
    pub(crate) async fn restart(&self, slot: u8, endpoint: &Endpoint) -> Result<(), Failure> {
        let number = context::number(endpoint.address);
        let halted = {
            let mut core = self.0.core.borrow_mut();
            let (pipe, _) = core.pipe(slot, number).ok_or(Failure::NoRoom)?;
            core::mem::replace(&mut pipe.state, State::Recovering) == State::Halted
        };
        let stopped = self.stop(slot, number, halted).await;
        let pointer = self.0.core.borrow_mut().rewind(slot, number).ok_or(Failure::NoRoom)?;
        self.deliver();
        stopped?;
        if endpoint.kind == EndpointKind::Control {
            self.command(Trb { parameter: pointer, ..Trb::command(kind::SET_DEQUEUE, slot, 1, 0) }).await?;
        } else {
            self.configure(slot, kind::CONFIGURE_ENDPOINT, &[(*endpoint, pointer)], true).await?;
        }
        if let Some((pipe, _)) = self.0.core.borrow_mut().pipe(slot, number) {
            pipe.state = State::Running;
        }
        Ok(())
    }
}
