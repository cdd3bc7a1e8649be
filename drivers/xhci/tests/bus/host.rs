//! What the bus needs from a program: memory, tasks and time that passes when nothing else happens.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use airox_api::device::{BusAddress, Child};
use airox_api::usb::{Description, UsbError};
use airox_driver_traits::dma::ModelMemory;
use airox_xhci::{Bus, Host};

use crate::model::{Model, Window};

type Task = Pin<Box<dyn Future<Output = ()>>>;

/// All that the tests look at.
#[derive(Clone, Default)]
pub struct World {
    pub model: Model,
    fresh: Rc<RefCell<Vec<Task>>>,
    /// Milliseconds, and when somebody wants to be woken.
    pub clock: Rc<Cell<u64>>,
    alarms: Rc<RefCell<Vec<u64>>>,
    pub children: Rc<RefCell<BTreeMap<u32, Child>>>,
    pub settled: Rc<Cell<Option<usize>>>,
    pub told: Rc<Cell<u32>>,
    /// Addresses that are lent.
    pub lent: Rc<RefCell<Vec<u64>>>,
}

impl Host for World {
    type Registers = Window;
    type Memory = ModelMemory;
    type Lent = (u64, u64);
    type Signal = ();

    fn allocate(&self, bytes: usize) -> Option<ModelMemory> {
        self.model.allocate(bytes)
    }

    fn free(&self, memory: ModelMemory) {
        self.model.free(&memory);
    }

    fn lend(&self, memory: (u64, u64)) -> Result<(u64, u64), UsbError> {
        self.lent.borrow_mut().push(memory.0);
        Ok(memory)
    }

    fn give_back(&self, address: u64) {
        let mut lent = self.lent.borrow_mut();
        let place = lent.iter().position(|other| *other == address).expect("what is given back was lent");
        lent.remove(place);
    }

    fn notify(&self, (): &(), bits: u64) {
        self.told.set(self.told.get() | bits as u32);
    }

    fn sleep(&self, milliseconds: u64) -> impl Future<Output = ()> {
        let deadline = self.clock.get() + milliseconds;
        let (clock, alarms) = (Rc::clone(&self.clock), Rc::clone(&self.alarms));
        alarms.borrow_mut().push(deadline);
        poll_fn(move |_| if clock.get() >= deadline { Poll::Ready(()) } else { Poll::Pending })
    }

    fn spawn(&self, task: Task) {
        self.fresh.borrow_mut().push(task);
    }

    fn found(&self, child: &Child) {
        assert!(self.children.borrow_mut().insert(child.key, child.clone()).is_none());
    }

    fn lost(&self, key: u32) {
        assert!(self.children.borrow_mut().remove(&key).is_some());
    }

    fn settled(&self, devices: usize) {
        self.settled.set(Some(devices));
    }

    fn address(&self) -> BusAddress {
        BusAddress { bus: 0, device: 3, function: 0 }
    }
}

/// A bus and its tasks.
pub struct Play {
    pub world: World,
    pub bus: Bus<World>,
    tasks: Vec<Task>,
    /// The controller could not go on.
    pub broken: bool,
}

impl Play {
    pub fn new(world: World) -> Play {
        let model = world.model.clone();
        let bus = Bus::new(world.clone(), |offset, length| model.window(offset, length)).expect("starts");
        bus.run();
        Play { world, bus, tasks: Vec::new(), broken: false }
    }

    /// Lets everything happen that does within so many milliseconds, which then have passed.
    pub fn pass(&mut self, milliseconds: u64) {
        let end = self.world.clock.get() + milliseconds;
        let mut context = Context::from_waker(Waker::noop());
        loop {
            // Everybody looks a few times: what one does is news to the next.
            for _ in 0..12 {
                self.tasks.append(&mut self.world.fresh.borrow_mut());
                self.tasks.retain_mut(|task| task.as_mut().poll(&mut context).is_pending());
                self.broken |= self.bus.interrupt().is_err();
            }
            let now = self.world.clock.get();
            let next = self.world.alarms.borrow().iter().copied().filter(|alarm| *alarm > now).min();
            self.world.clock.set(next.unwrap_or(end).min(end));
            if now >= end {
                return;
            }
        }
    }

    /// Names and places of what was found, in order.
    pub fn found(&self) -> Vec<(Vec<u8>, u32)> {
        let children = self.world.children.borrow();
        let ports = |child: &Child| child.ports.iter().copied().take_while(|port| *port != 0).collect();
        let mut found: Vec<_> = children.values().map(|child| (ports(child), child.identity.class)).collect();
        found.sort();
        found
    }

    /// The key of the only interface of a class.
    pub fn key(&self, class: u32) -> u32 {
        self.world.children.borrow().values().find(|child| child.identity.class == class).expect("is there").key
    }

    /// Opens an interface.
    pub fn open(&mut self, key: u32) -> Result<Description, UsbError> {
        let result = Rc::new(RefCell::new(None));
        let (bus, place) = (self.bus.clone(), Rc::clone(&result));
        self.world.spawn(Box::pin(async move {
            let opened = bus.open(key, (), 1).await;
            *place.borrow_mut() = Some(opened);
        }));
        self.pass(20_000);
        result.take().expect("is answered")
    }
}
