//! The tests' server, and how to run it on a thread.

use airox_api::{Caller, Deferred, Incoming, Outcome, ReadLease, WriteLease};
use airox_rt::server::{Handler, KernelMessage, Server};
use airox_rt::task::Tasks;
use airox_rt::thread::{self, JoinHandle};
use airox_rt::time::Duration;
use airox_rt::{Error, MapFlags, Mapping, Port, Region, Rights, Signal, TypedHandle};
use airox_runtime_suite::probe::{self, Probe, ProbeClient, ProbeDispatcher};
use alloc::string::String;
use alloc::vec::Vec;

/// Most bytes `reverse` takes.
const MAX_REVERSE: usize = 1 << 20;

struct ProbeServer {
    tasks: Tasks,
    strays: (u32, u64),
}

impl Probe for ProbeServer {
    fn add(&mut self, _caller: Caller, left: u64, right: u64) -> Result<u64, u32> {
        left.checked_add(right).ok_or(1)
    }

    fn fail(&mut self, _caller: Caller, code: u32) -> Result<(), u32> {
        Err(code)
    }

    fn badge(&mut self, caller: Caller) -> Result<u64, u32> {
        Ok(caller.badge)
    }

    fn shout(&mut self, _caller: Caller, words: Vec<String>) -> Result<Vec<String>, u32> {
        Ok(words.iter().map(|word| word.to_uppercase()).collect())
    }

    fn reverse(&mut self, _caller: Caller, from: ReadLease<'_>, to: WriteLease<'_>) -> Result<u32, u32> {
        let mut bytes = from.read_all(MAX_REVERSE).map_err(|error| error as u32)?;
        bytes.reverse();
        to.write(0, &bytes).map_err(|error| error as u32)?;
        Ok(bytes.len() as u32)
    }

    fn notify(&mut self, _caller: Caller, signal: Signal, bits: u64) -> Result<(), u32> {
        let rights = signal.info().map_err(|error| error as u32)?.rights;
        if rights != Rights::SEND {
            return Err(u32::from(rights.bits()));
        }
        signal.notify(bits).map_err(|error| error as u32)
    }

    fn region(&mut self, _caller: Caller, pages: u64) -> Result<(u64, Region), u32> {
        let region = Region::create(pages).map_err(|error| error as u32)?;
        let mapping = Mapping::new(&region, MapFlags::WRITE).map_err(|error| error as u32)?;
        mapping.window().write(0, pages as u8).ok_or(0_u32)?;
        Ok((pages, region))
    }

    fn later(&mut self, _caller: Caller, microseconds: u64, value: u64, reply: Deferred<u64, u32>) {
        let tasks = self.tasks.clone();
        self.tasks.spawn(async move {
            tasks.sleep(Duration::from_micros(microseconds)).await;
            let _caller_may_be_gone = reply.send(Ok(value));
        });
    }

    fn on_bit(&mut self, _caller: Caller, bit: u64, reply: Deferred<u64, u32>) {
        let tasks = self.tasks.clone();
        self.tasks.spawn(async move {
            let bits = tasks.bits(bit).await;
            let _caller_may_be_gone = reply.send(Ok(bits));
        });
    }

    fn never(&mut self, _caller: Caller, reply: Deferred<(), u32>) {
        drop(reply);
    }

    fn stray_bits(&mut self, _caller: Caller) -> Result<(u32, u64), u32> {
        Ok(self.strays)
    }

    fn stop(&mut self, _caller: Caller) -> Result<(), u32> {
        Ok(())
    }
}

/// Dispatches requests; `stop` is answered by ending: its caller learns that the server died.
struct ProbeHandler {
    dispatcher: ProbeDispatcher<ProbeServer>,
    stop: Port,
}

/// `stop`'s place in the interface.
const STOP: u16 = 11;

impl Handler for ProbeHandler {
    fn request(&mut self, message: &mut KernelMessage) -> Outcome {
        if message.tag().label() == STOP && message.badge() == 0 {
            // Taking back the loop's own handle ends receiving; then the port's last receiver goes with this one.
            let _no_handle_is_left = self.stop.revoke();
        }
        airox_api::Dispatch::dispatch(&mut self.dispatcher, message)
    }

    fn signal(&mut self, bits: u64) {
        let strays = &mut self.dispatcher.0.strays;
        *strays = (strays.0 + 1, strays.1 | bits);
    }
}

/// A running server and what tests hold of it.
pub struct Running {
    /// The server's port, unbadged, for calls.
    pub port: Port,
    /// The signal bound to it, for notifications.
    pub signal: Signal,
    thread: JoinHandle<Result<(), Error>>,
}

impl Running {
    /// A client without a badge.
    pub fn client(&self) -> Result<ProbeClient, Error> {
        self.port.copy(Rights::SEND).map(ProbeClient::new)
    }

    /// A client with a badge.
    pub fn client_with_badge(&self, badge: u64) -> Result<ProbeClient, Error> {
        self.port.copy_badged(Rights::SEND, badge).map(ProbeClient::new)
    }

    /// Ends the server; returns the error that ended its loop.
    pub fn stop(self) -> Result<Error, Error> {
        let client = self.client()?;
        let _the_answer_is_the_end = client.stop();
        match self.thread.join()? {
            Err(error) => Ok(error),
            Ok(()) => Err(Error::WrongState),
        }
    }
}

/// Starts a server on a thread with this priority.
pub fn start(priority: Option<u8>) -> Result<Running, Error> {
    let root = Port::create(probe::INFO.id.into())?;
    let stop = root.copy(Rights::RECEIVE | Rights::COPY)?;
    let serving = stop.copy(Rights::RECEIVE)?;
    let port = root.copy(Rights::SEND | Rights::COPY | Rights::BADGE)?;
    let signal = Signal::create()?;
    let bound = signal.copy(Rights::all())?;
    let builder = thread::Builder::default();
    let builder = priority.map_or(builder, |priority| builder.priority(priority));
    drop(root);
    let thread = builder.spawn(move || {
        let tasks = Tasks::new(bound);
        let handler =
            ProbeHandler { dispatcher: ProbeDispatcher(ProbeServer { tasks: tasks.clone(), strays: (0, 0) }), stop };
        Server::new(serving).with_tasks(&tasks)?.run(handler)
    })?;
    Ok(Running { port, signal, thread })
}
