//! A thread that makes calls which may wait for long, so that the main thread can wait for Ctrl-C as well.
//!
//! A call that was given up after Ctrl-C goes on until its server answers; the same question asked again gets that answer, another
//! one waits its turn.

use airox_rt::sync::Mutex;
use airox_rt::{Error, Signal, thread};
use alloc::sync::Arc;

/// Says to the worker that there is a question.
const ASKED: u64 = 1;

enum Slot<Q, A> {
    Idle,
    Asked(Q),
    Answered(Q, A),
}

struct Shared<Q, A> {
    slot: Mutex<Slot<Q, A>>,
    asked: Signal,
}

/// See the module documentation.
pub struct Worker<Q, A> {
    shared: Arc<Shared<Q, A>>,
}

impl<Q: Clone + PartialEq + Send + 'static, A: Send + 'static> Worker<Q, A> {
    /// Starts the thread. `call` asks the server; `done` is then notified with `bit`.
    pub fn start(call: impl Fn(Q) -> A + Send + 'static, done: Signal, bit: u64) -> Result<Worker<Q, A>, Error> {
        let shared = Arc::new(Shared { slot: Mutex::new(Slot::<Q, A>::Idle), asked: Signal::create()? });
        let worker = Arc::clone(&shared);
        thread::spawn(move || {
            while worker.asked.wait(ASKED).is_ok() {
                let question = match &*worker.slot.lock() {
                    Slot::Asked(question) => question.clone(),
                    Slot::Idle | Slot::Answered(..) => continue,
                };
                let answer = call(question.clone());
                *worker.slot.lock() = Slot::Answered(question, answer);
                // The main thread lives as long as the program.
                let _ = done.notify(bit);
            }
        })?;
        Ok(Worker { shared })
    }

    /// The answer, if it is there; else has the worker ask, if it is not busy with another question. `None`: wait for the bit,
    /// then come again.
    pub fn ask(&self, question: Q) -> Result<Option<A>, Error> {
        let mut slot = self.shared.slot.lock();
        match core::mem::replace(&mut *slot, Slot::Idle) {
            Slot::Answered(asked, answer) if asked == question => return Ok(Some(answer)),
            Slot::Asked(busy) => {
                *slot = Slot::Asked(busy);
                return Ok(None);
            }
            // An answer nobody waits for any more.
            Slot::Idle | Slot::Answered(..) => *slot = Slot::Asked(question),
        }
        drop(slot);
        self.shared.asked.notify(ASKED).map(|()| None)
    }
}
