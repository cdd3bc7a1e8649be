//! A server one of whose calls may wait for long, so that Ctrl-C is heard meanwhile.

use crate::control::{Control, NEWS};
use crate::processes::no_thread;
use crate::worker::Worker;
use airox_rt::TypedHandle;
use airox_rt::abi::Rights;
use airox_shell::services::{Answer, Waited};
use alloc::sync::Arc;

/// A client, and the thread that waits for news; that is started when they are waited for the first time.
pub struct Watched<C, A> {
    pub client: Arc<C>,
    ask: fn(&C, u64) -> A,
    waiter: Option<Worker<u64, A>>,
}

impl<C: Send + Sync + 'static, A: Send + 'static> Watched<C, A> {
    /// `ask` asks for what comes after a number; for `u64::MAX` it is answered at once.
    pub fn new(client: C, ask: fn(&C, u64) -> A) -> Watched<C, A> {
        Watched { client: Arc::new(client), ask, waiter: None }
    }

    /// What comes after a number.
    pub fn next(&mut self, control: &Control, after: u64) -> Answer<Waited<A>> {
        if after == u64::MAX {
            // Answered at once, whatever the waiter still waits for.
            return Ok(Waited::Done((self.ask)(&self.client, after)));
        }
        let waiter = match self.waiter.take() {
            Some(waiter) => waiter,
            None => {
                let (client, ask) = (Arc::clone(&self.client), self.ask);
                let done = control.signal.copy(Rights::SEND).map_err(no_thread)?;
                Worker::start(move |after| ask(&client, after), done, NEWS).map_err(no_thread)?
            }
        };
        let waiter = self.waiter.insert(waiter);
        loop {
            if let Some(answer) = waiter.ask(after).map_err(no_thread)? {
                return Ok(Waited::Done(answer));
            }
            if control.wait(NEWS) == Waited::Interrupted {
                return Ok(Waited::Interrupted);
            }
        }
    }
}
