//! The controller itself: rings, slots and events. Nothing here waits.

use airox_driver_traits::dma::DmaMemory;
use airox_driver_traits::registers::Registers;
use airox_driver_traits::usb::{Setup, TransferError, UsbError};
use airox_usb::hub::HubDescriptor;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use core::task::Waker;

use crate::context::Route;
use crate::pipe::{Over, Pipe, State, Ticket};
use crate::registers::{Bank, SetupError};
use crate::ring::{ENTRIES, EventRing, PAGE, Ring};
use crate::trb::{Trb, kind};

/// Most devices; a controller may have fewer.
pub const MAX_DEVICES: u8 = 32;
/// Endpoints of a device, endpoint 0 among them: numbers from 1 on.
pub const ENDPOINTS: usize = 32;

/// Pages of a device's memory: its context, which is the controller's; the input context; endpoint 0's ring; data of requests.
pub const DEVICE_PAGES: usize = 4;
const INPUT: usize = PAGE;
const FIRST_RING: usize = 2 * PAGE;
/// Where data of the bus's own requests is in a device's memory.
pub const DATA: usize = 3 * PAGE;

/// The controller cannot be used any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken;

/// A device that has a slot.
#[derive(Debug)]
pub struct Slot<D> {
    /// Its contexts, endpoint 0's ring, data.
    pub memory: D,
    /// The other rings, one page each.
    pub rings: Option<D>,
    pub pipes: [Option<Pipe>; ENDPOINTS],
    pub route: Route,
    /// The ports that lead to it.
    pub ports: [u8; 6],
    /// The slot of the hub it hangs on, 0 for the controller, and the port there.
    pub parent: (u8, u8),
    /// If it is a hub.
    pub hub: Option<HubDescriptor>,
    /// The keys of its interfaces.
    pub keys: Vec<u32>,
    /// It is being removed.
    pub leaves: bool,
}

impl<D: DmaMemory> Slot<D> {
    /// A device with these pages.
    pub fn new(mut memory: D, packet: u16, route: Route, ports: [u8; 6], parent: (u8, u8)) -> Slot<D> {
        let mut pipes = [const { None }; ENDPOINTS];
        pipes[1] = Some(Pipe::new(Ring::new(&mut memory, FIRST_RING), packet, false));
        Slot { memory, rings: None, pipes, route, ports, parent, hub: None, keys: Vec::new(), leaves: false }
    }

    /// The offset of the input context in its memory.
    pub const fn input() -> usize {
        INPUT
    }

    /// An endpoint, and the memory its ring is in.
    pub fn pipe(&mut self, number: u8) -> Option<(&mut Pipe, &mut D)> {
        let memory = if number == 1 { &mut self.memory } else { self.rings.as_mut()? };
        Some((self.pipes.get_mut(usize::from(number))?.as_mut()?, memory))
    }
}

/// The controller's state.
pub struct Core<R, D> {
    pub registers: Bank<R>,
    memory: D,
    commands: Ring,
    events: EventRing,
    /// Answers to commands, by the command's place.
    answers: BTreeMap<usize, Option<Trb>>,
    /// By number; the first is the controller itself.
    pub slots: Vec<Option<Slot<D>>>,
    /// Transfers that are over.
    pub over: Vec<Over>,
    /// Devices whose endpoint 0 refused a request.
    pub refused: Vec<u8>,
    /// Ports of the controller may have changed.
    pub port_events: bool,
    next_ticket: Ticket,
    wakers: Vec<Waker>,
}

/// Pages of the controller's own: table of contexts, commands, events, and the table of events' segments with that of scratch pages.
const OWN_PAGES: usize = 4;
const SEGMENT: usize = 3 * PAGE;
const SCRATCH: usize = SEGMENT + 64;
/// Most scratch pages: what the table of them has room for.
const MAX_SCRATCH: usize = (PAGE - 64) / 8;

impl<R: Registers, D: DmaMemory> Core<R, D> {
    /// Starts a controller that has been reset.
    pub fn start(mut registers: Bank<R>, memory: impl FnOnce(usize) -> Option<D>) -> Result<Core<R, D>, SetupError> {
        let parameters = registers.parameters();
        if parameters.scratch > MAX_SCRATCH {
            return Err(SetupError::Unsuitable);
        }
        let bytes = (OWN_PAGES + parameters.scratch) * PAGE;
        let mut memory = memory(bytes).filter(|it| it.length() >= bytes).ok_or(SetupError::NoMemory)?;
        let base = memory.device_address();
        if !base.is_multiple_of(PAGE as u64) {
            return Err(SetupError::NoMemory);
        }
        for page in 0..parameters.scratch {
            memory.write_u64(SCRATCH + page * 8, base + ((OWN_PAGES + page) * PAGE) as u64);
        }
        memory.write_u64(0, if parameters.scratch == 0 { 0 } else { base + SCRATCH as u64 });
        let commands = Ring::new(&mut memory, PAGE);
        let events = EventRing::new(2 * PAGE);
        memory.write_u64(SEGMENT, events.pointer(&memory));
        memory.write_u32(SEGMENT + 8, ENTRIES as u32);
        let slots = parameters.slots.min(MAX_DEVICES);
        let (ring, first) = (commands.address(&memory, 0), events.pointer(&memory));
        registers.start(slots, base, ring, base + SEGMENT as u64, first)?;
        Ok(Core {
            registers,
            memory,
            commands,
            events,
            answers: BTreeMap::new(),
            slots: (0..=slots).map(|_| None).collect(),
            over: Vec::new(),
            refused: Vec::new(),
            port_events: true,
            next_ticket: 0,
            wakers: Vec::new(),
        })
    }

    /// Whoever waits for an event leaves its waker.
    pub fn wake_later(&mut self, waker: &Waker) {
        if !self.wakers.iter().any(|other| other.will_wake(waker)) {
            self.wakers.push(waker.clone());
        }
    }

    /// Takes events, at most as many as a ring holds. Returns whether there may be more; wakes those who wait.
    pub fn process(&mut self) -> Result<bool, Broken> {
        if !self.registers.acknowledge() {
            return Err(Broken);
        }
        let mut taken = 0;
        while taken < ENTRIES
            && let Some(event) = self.events.pop(&mut self.memory)
        {
            taken += 1;
            match event.kind() {
                kind::COMMAND_EVENT => self.answered(event),
                kind::TRANSFER_EVENT => self.transferred(event),
                kind::PORT_EVENT => self.port_events = true,
                _ => {}
            }
        }
        let next = self.events.pointer(&self.memory);
        self.registers.set_dequeue(next);
        for waker in self.wakers.drain(..) {
            waker.wake();
        }
        Ok(taken == ENTRIES)
    }

    fn answered(&mut self, event: Trb) {
        let place = self.commands.place(&self.memory, event.parameter);
        if let Some(answer) = place.and_then(|place| self.answers.get_mut(&place)) {
            answer.get_or_insert(event);
        }
    }

    fn transferred(&mut self, event: Trb) {
        let number = event.endpoint();
        let Some(Some(slot)) = self.slots.get_mut(usize::from(event.slot())) else { return };
        let Some((pipe, memory)) = slot.pipe(number) else { return };
        let Some(place) = pipe.ring.place(memory, event.parameter) else { return };
        let (over, halted) = pipe.event(place, event);
        self.over.extend(over);
        // Endpoint 0 goes on with what comes after; of the others nothing does before somebody has recovered them.
        match (halted, number) {
            (false, _) => {}
            (true, 1) => self.refused.push(event.slot()),
            (true, _) => self.over.extend(pipe.give_up(TransferError::Cancelled)),
        }
    }

    /// Gives the controller a command; returns its place.
    pub fn command(&mut self, command: Trb) -> Result<usize, Broken> {
        if self.answers.len() + 1 >= Ring::ROOM {
            return Err(Broken);
        }
        let place = self.commands.push(&mut self.memory, command);
        self.answers.insert(place, None);
        self.registers.ring(0, 0);
        Ok(place)
    }

    /// The answer to a command, once it is there.
    pub fn take_answer(&mut self, place: usize) -> Option<Trb> {
        let answer = self.answers.get(&place).copied().flatten()?;
        self.answers.remove(&place);
        Some(answer)
    }

    /// Where the controller finds a slot's context.
    pub fn set_context(&mut self, slot: u8, address: u64) {
        self.memory.write_u64(usize::from(slot) * 8, address);
    }

    /// Begins a transfer at an endpoint, by its number, or with `setup` a request.
    pub fn submit(&mut self, slot: u8, number: u8, data: (u64, u32), setup: Option<Setup>) -> Result<Ticket, UsbError> {
        let device = self.slots.get_mut(usize::from(slot)).and_then(Option::as_mut).ok_or(UsbError::Gone)?;
        let (pipe, memory) = device.pipe(number).ok_or(UsbError::NoSuchEndpoint)?;
        self.next_ticket = self.next_ticket.wrapping_add(1);
        pipe.add(memory, self.next_ticket, data, setup)?;
        self.registers.ring(slot, number);
        Ok(self.next_ticket)
    }

    /// A device, and one of its endpoints.
    pub fn pipe(&mut self, slot: u8, number: u8) -> Option<(&mut Pipe, &mut D)> {
        self.slots.get_mut(usize::from(slot))?.as_mut()?.pipe(number)
    }

    /// Makes an endpoint's ring empty: what was under way is over. The controller must not be using it.
    pub fn rewind(&mut self, slot: u8, number: u8) -> Option<u64> {
        let device = self.slots.get_mut(usize::from(slot))?.as_mut()?;
        let (pipe, memory) = device.pipe(number)?;
        let over = pipe.give_up(TransferError::Cancelled);
        let offset =
            if number == 1 { FIRST_RING } else { (pipe.ring.address(memory, 0) - memory.device_address()) as usize };
        pipe.ring = Ring::new(memory, offset);
        let pointer = pipe.ring.pointer(memory, 0);
        self.over.extend(over);
        Some(pointer)
    }

    /// A device has gone or is given up: all that is under way there is over.
    pub fn give_up(&mut self, slot: u8) {
        let device = self.slots.get_mut(usize::from(slot)).and_then(Option::as_mut);
        let pipes = device.into_iter().flat_map(|device| device.pipes.iter_mut().flatten());
        for pipe in pipes {
            pipe.state = State::Halted;
            self.over.extend(pipe.give_up(TransferError::Gone));
        }
        for waker in self.wakers.drain(..) {
            waker.wake();
        }
    }
}
