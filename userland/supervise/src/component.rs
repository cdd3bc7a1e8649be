//! One component: what its supervisor keeps for it while its instances come and go.

use alloc::vec::Vec;

use airox_abi::{Error, Handle, Rights};
use airox_api::start::StartHandle;
use airox_spawn::Kernel;

use crate::close;
use crate::owned::Owned;
use crate::restart::History;

/// What a component does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Its turn has not come yet.
    New,
    /// It runs.
    Running,
    /// It ended and is started again at this time, in nanoseconds since boot.
    Waiting {
        /// When.
        until: u64,
    },
    /// It ended for good, as its policy says.
    Stopped,
    /// It failed too often, or cannot run on this machine.
    Failed,
}

/// A running process of a component.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// The process.
    pub process: Handle,
    /// Its first thread.
    pub thread: Handle,
    /// Its quota.
    pub quota: Handle,
    /// Its budget, if it has one of its own; it lives as long as this handle.
    pub budget: Option<Handle>,
    /// First address of its first thread's stack.
    pub stack_base: u64,
    /// The handles it got, as it knows them.
    pub granted: Vec<StartHandle>,
    /// Whether it has reported a panic.
    pub panicked: bool,
}

/// A port of a provided interface. It outlives the instances that serve it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServedPort {
    /// Clients' handles are derived from this one.
    pub clients: Handle,
    /// The server's handle is derived from this one; `None` once the port is closed. It alone has `RECEIVE`, so
    /// that giving it up closes the port, and revoking it takes the port from a dead server's heirs.
    pub server: Option<Handle>,
    /// For debuggers: which interface it is.
    pub label: u64,
}

/// What a supervisor keeps for a component.
#[derive(Clone, Debug)]
pub struct Component {
    /// What it does.
    pub state: State,
    /// Its process, while it runs.
    pub instance: Option<Instance>,
    /// Its ports, in the order of the interfaces it provides.
    pub ports: Vec<ServedPort>,
    /// Its machine resources.
    pub owned: Owned,
    /// Its side of the supervisor's port: badged, where its faults, panics and requests arrive.
    pub supervisor: Handle,
    /// Its past restarts.
    pub history: History,
    /// How often it was restarted.
    pub restarts: u32,
}

impl Component {
    /// A component without handles that has not been started.
    #[must_use]
    pub fn new() -> Component {
        Component {
            state: State::New,
            instance: None,
            ports: Vec::new(),
            owned: Owned::default(),
            supervisor: Handle::NONE,
            history: History::default(),
            restarts: 0,
        }
    }

    /// Kills the instance, if there is one, and takes back everything it was given.
    pub fn destroy<K: Kernel>(&mut self, kernel: &mut K) {
        if let Some(instance) = self.instance.take() {
            instance.destroy(kernel);
        }
        let servers = self.ports.iter().filter_map(|port| port.server);
        let resources = self.owned.handles.iter().map(|minted| minted.handle);
        for handle in servers.chain(resources) {
            // A copy it passed on to somebody would outlive it.
            let revoked = kernel.handle_revoke(handle);
            debug_assert_eq!(revoked, Ok(()), "the supervisor's own handle");
        }
    }

    /// Closes its ports: clients get `ServerDied`, now and later. Their handles stay.
    pub fn close_ports<K: Kernel>(&mut self, kernel: &mut K) {
        for port in &mut self.ports {
            if let Some(server) = port.server.take() {
                close(kernel, server);
            }
        }
    }

    /// Gives its machine resources up.
    pub fn close_resources<K: Kernel>(&mut self, kernel: &mut K) {
        for minted in self.owned.handles.drain(..) {
            close(kernel, minted.handle);
        }
    }

    /// Replaces ports that were closed by new ones: only clients started from now on reach them.
    ///
    /// # Errors
    /// The quota has no room for a port or handle.
    pub fn reopen_ports<K: Kernel>(&mut self, kernel: &mut K) -> Result<(), Error> {
        for port in &mut self.ports {
            if port.server.is_none() {
                let fresh = ServedPort::create(kernel, port.label)?;
                close(kernel, port.clients);
                *port = fresh;
            }
        }
        Ok(())
    }
}

impl Default for Component {
    fn default() -> Component {
        Component::new()
    }
}

impl ServedPort {
    /// Makes a port for an interface, charged to the supervisor. The label is for debuggers.
    ///
    /// # Errors
    /// The quota has no room for a port or handle.
    pub fn create<K: Kernel>(kernel: &mut K, label: u64) -> Result<ServedPort, Error> {
        let port = kernel.port_create(Handle::NONE, label)?;
        let both = kernel.handle_copy(port, Rights::all(), 0).and_then(|server| {
            let to_clients = Rights::SEND | Rights::COPY | Rights::BADGE;
            match kernel.handle_copy(port, to_clients, 0) {
                Ok(clients) => Ok(ServedPort { clients, server: Some(server), label }),
                Err(error) => {
                    close(kernel, server);
                    Err(error)
                }
            }
        });
        // The two sides become siblings without a parent: revoking one leaves the other alone.
        close(kernel, port);
        both
    }
}
