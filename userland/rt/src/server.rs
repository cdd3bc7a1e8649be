//! The server loop: requests and signals in, replies out, through one port.
//!
//! A component that provides several interfaces has a port for each, and runs one loop on a thread for each, sharing its state
//! behind a [`crate::sync::Mutex`].

mod kernel_message;

use crate::task::Tasks;
use airox_abi::fault::FaultKind;
use airox_api::{Dispatch, Interface, Outcome, ProtocolError, ReplyMessage};
use airox_sys::call::{self};
use airox_sys::{
    Error, Extension, Handle, HandleTransfer, MessageKind, Port, Received, Rights, Signal, Tag, TypedHandle, WORDS,
};
pub use kernel_message::KernelMessage;

/// What a server does with what arrives. Implemented by [`Requests`] for dispatchers, and by closures' structs of one's own
/// where a server does more.
pub trait Handler {
    /// A request. What it says is checked by the interface's dispatcher.
    fn request(&mut self, message: &mut KernelMessage) -> Outcome;

    /// Bits of the bound signal.
    fn signal(&mut self, bits: u64) {
        let _nothing_waits_for_them = bits;
    }

    /// A thread's fault, on a port that serves as fault port. The reply's label is an [`airox_abi::fault::FaultAction`].
    fn fault(&mut self, message: &mut KernelMessage, kind: Option<FaultKind>) -> Outcome {
        let _unexpected = (message, kind);
        Outcome::Reply(ReplyMessage {
            tag: Tag::new(airox_abi::fault::FaultAction::Kill as u16),
            ..ReplyMessage::default()
        })
    }
}

/// Requests to a dispatcher, and nothing else.
#[derive(Debug)]
pub struct Requests<D>(pub D);

impl<D: Dispatch> Handler for Requests<D> {
    fn request(&mut self, message: &mut KernelMessage) -> Outcome {
        self.0.dispatch(message)
    }
}

/// A dispatcher for requests, and a closure for the bits of the bound signal.
#[derive(Debug)]
pub struct WithSignal<D, F>(pub D, pub F);

impl<D: Dispatch, F: FnMut(&mut D, u64)> Handler for WithSignal<D, F> {
    fn request(&mut self, message: &mut KernelMessage) -> Outcome {
        self.0.dispatch(message)
    }

    fn signal(&mut self, bits: u64) {
        (self.1)(&mut self.0, bits);
    }
}

/// Serves an interface on its port; returns only with the error that ended receiving.
pub fn serve<D: Dispatch>(port: Port, dispatcher: D) -> Result<(), Error> {
    Server::new(port).run(Requests(dispatcher))
}

/// A port for an interface served by this program, with all rights.
pub fn port_for<I: Interface>() -> Result<Port, Error> {
    Port::create(I::ID)
}

/// A server loop in the making.
#[derive(Debug)]
pub struct Server {
    port: Port,
    tasks: Option<Tasks>,
}

impl Server {
    /// A loop on this port.
    #[must_use]
    pub fn new(port: Port) -> Server {
        Server { port, tasks: None }
    }

    /// Also brings the bits of a signal to [`Handler::signal`].
    pub fn with_signal(self, signal: &Signal) -> Result<Server, Error> {
        self.port.bind(signal)?;
        Ok(self)
    }

    /// Also runs futures; the executor's signal is bound to the port. Bits that no future waits for go to [`Handler::signal`].
    pub fn with_tasks(mut self, tasks: &Tasks) -> Result<Server, Error> {
        self.port.bind(tasks.signal())?;
        self.tasks = Some(tasks.clone());
        Ok(self)
    }

    /// Receives, handles and replies until receiving fails. Futures that have not finished then are dropped, so that whoever
    /// waits for them learns it.
    pub fn run<H: Handler>(self, mut handler: H) -> Result<(), Error> {
        let ended = self.receive_on(&mut handler);
        if let Some(tasks) = &self.tasks {
            tasks.cancel_all();
        }
        ended
    }

    fn receive_on<H: Handler>(&self, handler: &mut H) -> Result<(), Error> {
        let mut extension = Extension::default();
        let mut answer = None;
        loop {
            if let Some(tasks) = &self.tasks {
                tasks.run_ready(&mut answer);
            }
            let received = self.next(answer.take(), &mut extension)?;
            if let Some(tasks) = &self.tasks {
                tasks.awake();
            }
            let mut message = KernelMessage::new(&received, &extension);
            answer = match received.tag.kind() {
                MessageKind::Call => into_answer(handler.request(&mut message)),
                MessageKind::Fault => {
                    let kind = FaultKind::from_code(u64::from(received.tag.label()));
                    into_answer(handler.fault(&mut message, kind))
                }
                MessageKind::Signal => {
                    let bits = match &self.tasks {
                        Some(tasks) => tasks.deliver(received.words[0]),
                        None => received.words[0],
                    };
                    if bits != 0 {
                        handler.signal(bits);
                    }
                    None
                }
            };
        }
    }

    /// Sends the answer, if there is one, and receives the next message.
    #[inline]
    fn next(&self, answer: Option<ReplyMessage>, extension: &mut Extension) -> Result<Received, Error> {
        let port = self.port.raw();
        match answer {
            Some(ReplyMessage { tag, words, handles }) if handles.is_empty() => {
                call::reply_receive_extended(port, tag, words, extension)
            }
            Some(message) => {
                // Sent on its own: the handles must be closed before this thread waits again.
                send(Handle::NONE, message)?;
                call::receive_extended(port, extension)
            }
            None => call::receive_extended(port, extension),
        }
    }
}

fn into_answer(outcome: Outcome) -> Option<ReplyMessage> {
    match outcome {
        Outcome::Reply(message) => Some(message),
        Outcome::Deferred => None,
    }
}

/// Sends a reply with its handles to the current caller (`NONE`) or a kept one, and closes the handles.
///
/// A reply whose handles the caller cannot take becomes a refusal, so that the caller does not wait forever.
pub(crate) fn send(reply: Handle, message: ReplyMessage) -> Result<(), Error> {
    let mut transfers = [HandleTransfer::default(); airox_abi::message::MAX_HANDLES];
    let count = message.handles.len().min(transfers.len());
    for (transfer, handle) in transfers.iter_mut().zip(&message.handles) {
        *transfer = HandleTransfer::new(handle.raw(), Rights::all());
    }
    match call::reply_with(reply, message.tag, message.words, &transfers[..count]) {
        // The caller is gone: nothing is left to do.
        Ok(()) | Err(Error::NoCaller) => Ok(()),
        Err(_) => {
            let refusal = ReplyMessage::refusal(ProtocolError::BadHandle);
            match call::reply(reply, refusal.tag, [0; WORDS]) {
                Ok(()) | Err(Error::NoCaller | Error::InvalidHandle) => Ok(()),
                Err(error) => Err(error),
            }
        }
    }
}
