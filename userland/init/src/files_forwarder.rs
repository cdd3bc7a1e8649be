//! The thread that talks to the file service, so that the supervisor need not: as the log's [`crate::forwarder`].

use alloc::sync::Arc;
use core::mem::ManuallyDrop;

use airox_api::files::FilesClient;
use airox_init::files_queue::{FilesQueue, Notice};
use airox_rt::sync::Mutex;
use airox_rt::{Error, Port, Signal, TypedHandle, thread};

const WAKE: u64 = 1;

struct Shared {
    queue: Mutex<FilesQueue>,
    wake: Signal,
}

/// The supervisor's side.
pub struct FilesForwarder(Arc<Shared>);

impl FilesForwarder {
    /// Starts the thread.
    pub fn start() -> Result<FilesForwarder, Error> {
        let shared = Arc::new(Shared { queue: Mutex::new(FilesQueue::new()), wake: Signal::create()? });
        let other = Arc::clone(&shared);
        let _runs_forever = thread::spawn(move || forward(&other))?;
        Ok(FilesForwarder(shared))
    }

    /// Puts something in.
    pub fn put(&self, change: impl FnOnce(&mut FilesQueue)) {
        change(&mut self.0.queue.lock());
        // Init's own signal; there is nothing to do if it were gone.
        let _ = self.0.wake.notify(WAKE);
    }
}

fn forward(shared: &Shared) {
    loop {
        // Not in the loop's head: the lock must be free during the call.
        let next = shared.queue.lock().take();
        let Some((port, notice)) = next else {
            if shared.wake.wait(WAKE).is_err() {
                return;
            }
            continue;
        };
        // The handle is the supervisor's, not this client's.
        let client = ManuallyDrop::new(FilesClient::new(Port::from_raw(port)));
        // If it dies over this, the next instance is told all anew.
        let _ = match notice {
            Notice::Admit(badge, files) => client.admit(badge, &files),
            Notice::Release(badge) => client.release(badge),
        };
    }
}
