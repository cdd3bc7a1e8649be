//! Frames from the device to clients, and back.

use airox_api::network::{Counters, Network, NetworkError, Status};
use airox_api::{Caller, Deferred, ReadLease};
use airox_driver_traits::network::{MAX_FRAME, MIN_FRAME, NetworkDevice, Received};
use airox_driver_traits::queue::Broken;
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// Most clients that frames are kept for; a new one takes the place of that which has asked for none for the longest time.
pub const MAX_CLIENTS: usize = 4;
/// Most frames that wait for one client.
pub const MAX_FRAMES: usize = 32;
/// Frames that are taken from the device at a time.
const BATCH: u32 = 64;

type Call = Deferred<Vec<u8>, NetworkError>;

/// Who is gone by now is told nothing.
fn answer(call: Call, result: Result<Vec<u8>, NetworkError>) {
    let _ = call.send(result);
}

/// Somebody who receives.
struct Client {
    badge: u64,
    frames: VecDeque<Vec<u8>>,
    /// Its call that waits, and until when.
    waiting: Option<(Call, u64)>,
    /// When it last asked, counted in calls.
    asked: u64,
}

/// Whether all there was to do is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "unfinished work gets no new interrupt"]
pub enum Work {
    /// The next interrupt brings more.
    Done,
    /// Serve the clients that wait, then go on.
    More,
}

/// Serves a network device.
pub struct NetworkServer<N> {
    device: N,
    clock: fn() -> u64,
    clients: Vec<Client>,
    calls: u64,
    counters: Counters,
}

impl<N: NetworkDevice> NetworkServer<N> {
    /// Serves this device; `clock` gives nanoseconds since boot.
    pub fn new(device: N, clock: fn() -> u64) -> NetworkServer<N> {
        NetworkServer { device, clock, clients: Vec::new(), calls: 0, counters: Counters::default() }
    }

    /// The device.
    pub fn device(&mut self) -> &mut N {
        &mut self.device
    }

    /// The device interrupted, or there was more: hands out what came.
    ///
    /// # Errors
    /// [`Broken`].
    pub fn pump(&mut self) -> Result<Work, Broken> {
        self.device.interrupted()?;
        for _ in 0..BATCH {
            match self.device.receive()? {
                None => return Ok(Work::Done),
                Some(Received::Damaged) => self.counters.errors += 1,
                Some(Received::Frame(frame)) => self.hand_out(&frame),
            }
        }
        Ok(Work::More)
    }

    fn hand_out(&mut self, frame: &[u8]) {
        self.counters.received += 1;
        self.counters.received_bytes += frame.len() as u64;
        for client in &mut self.clients {
            match client.waiting.take() {
                Some((call, _)) => answer(call, Ok(frame.to_vec())),
                None if client.frames.len() < MAX_FRAMES => client.frames.push_back(frame.to_vec()),
                None => self.counters.dropped += 1,
            }
        }
    }

    /// Answers the calls whose patience is over at this time.
    pub fn expire(&mut self, now: u64) {
        for client in &mut self.clients {
            if let Some((call, _)) = client.waiting.take_if(|(_, until)| *until <= now) {
                answer(call, Err(NetworkError::TimedOut));
            }
        }
    }

    /// When [`NetworkServer::expire`] is to be called.
    pub fn deadline(&self) -> Option<u64> {
        let deadlines = self.clients.iter().filter_map(|client| client.waiting.as_ref());
        deadlines.map(|(_, until)| *until).filter(|until| *until != u64::MAX).min()
    }

    /// The client of a badge; a new one if there is none.
    fn client(&mut self, badge: u64) -> &mut Client {
        self.calls += 1;
        let asked = self.calls;
        let index = match self.clients.iter().position(|client| client.badge == badge) {
            Some(index) => index,
            None => {
                if self.clients.len() >= MAX_CLIENTS
                    && let Some((idle, _)) = self.clients.iter().enumerate().min_by_key(|(_, client)| client.asked)
                {
                    let client = self.clients.swap_remove(idle);
                    client.waiting.into_iter().for_each(|(call, _)| answer(call, Err(NetworkError::Busy)));
                }
                self.clients.push(Client { badge, frames: VecDeque::new(), waiting: None, asked });
                self.clients.len() - 1
            }
        };
        let client = &mut self.clients[index];
        client.asked = asked;
        client
    }
}

impl<N: NetworkDevice> Network for NetworkServer<N> {
    fn status(&mut self, _caller: Caller) -> Result<Status, NetworkError> {
        Ok(Status { address: self.device.address(), link: self.device.link(), counters: self.counters })
    }

    fn send(&mut self, _caller: Caller, frame: ReadLease<'_>) -> Result<(), NetworkError> {
        if !(MIN_FRAME..=MAX_FRAME).contains(&frame.len()) {
            return Err(NetworkError::BadLength);
        }
        let bytes = frame.read_all(MAX_FRAME).map_err(|_| NetworkError::BadLength)?;
        self.device.send(&bytes).map_err(|_| NetworkError::Busy)?;
        self.counters.sent += 1;
        self.counters.sent_bytes += bytes.len() as u64;
        Ok(())
    }

    fn receive(&mut self, caller: Caller, patience_ns: u64, call: Call) {
        let now = (self.clock)();
        let client = self.client(caller.badge);
        if let Some((earlier, _)) = client.waiting.take() {
            answer(earlier, Err(NetworkError::Busy));
        }
        match client.frames.pop_front() {
            Some(frame) => answer(call, Ok(frame)),
            None if patience_ns == 0 => answer(call, Err(NetworkError::TimedOut)),
            None => client.waiting = Some((call, now.saturating_add(patience_ns))),
        }
    }
}
