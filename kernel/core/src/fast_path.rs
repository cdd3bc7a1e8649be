//! What the entry stubs' short path for `call` and `reply_receive` needs to know about the kernel's tables.
//!
//! The path itself is in `kernel/src/arch/x86_64/message_path.rs`, instruction by instruction. It does what [`crate::port`] would do where nothing
//! unusual is going on, and leaves everything else to it. All offsets are in bytes.

use crate::capability::layout as capability;
use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::port::Port;
use crate::processor::Processor;
use crate::signal::Signal;
use crate::slab::Slab;
use crate::thread::Thread;
use core::mem::offset_of;

/// Addresses of the tables' first entries; none ever moves.
pub(crate) struct Bases {
    pub(crate) capabilities: u64,
    pub(crate) ports: u64,
    pub(crate) signals: u64,
    pub(crate) threads: u64,
}

macro_rules! layout {
    ($($(#[$doc:meta])* $name:ident: $value:expr;)*) => {
        /// Offsets in the kernel's state and its tables, and the values the path looks for.
        #[derive(Clone, Copy, Debug)]
        #[allow(missing_docs)]
        pub struct Layout { $($(#[$doc])* pub $name: usize,)* }

        impl<M: Machine> Kernel<M> {
            /// Where things are.
            pub const LAYOUT: Layout = Layout { $($name: $value,)* };
        }
    };
}

layout! {
    // In the kernel's state.
    tracing: offset_of!(Self, tracing);
    capabilities: offset_of!(Self, bases.capabilities);
    capabilities_used: offset_of!(Self, capabilities) + capability::USED;
    ports: offset_of!(Self, bases.ports);
    signals: offset_of!(Self, bases.signals);
    threads: offset_of!(Self, bases.threads);
    // In a processor's.
    current: offset_of!(Processor, current);
    current_process: offset_of!(Processor, current_process);
    last_switch: offset_of!(Processor, last_switch);
    turn_end: offset_of!(Processor, slice_end);
    highest: offset_of!(Processor, ready.highest);
    switches: offset_of!(Processor, switches);
    // In a capability, 64 bytes long.
    owner: capability::OWNER;
    handle_generation: capability::GENERATION;
    kind: capability::KIND;
    object: capability::ID;
    rights: capability::RIGHTS;
    badge: capability::BADGE;
    // In a port.
    port_stride: Slab::<Port>::STRIDE;
    first_sender: offset_of!(Port, senders.first);
    first_receiver: offset_of!(Port, receivers.first);
    last_receiver: offset_of!(Port, receivers.last);
    servant: offset_of!(Port, servant);
    port_signal: offset_of!(Port, signal);
    // In a signal.
    signal_stride: Slab::<Signal>::STRIDE;
    bits: offset_of!(Signal, bits);
    // In a thread, whose context comes first.
    thread_stride: Slab::<Thread>::STRIDE;
    thread_generation: Slab::<Thread>::GENERATION;
    identity: offset_of!(Thread, identity);
    state: offset_of!(Thread, state);
    /// Port of a receiving thread.
    state_port: offset_of!(Thread, state) + size_of::<u32>();
    process: offset_of!(Thread, process);
    priority: offset_of!(Thread, priority);
    base_priority: offset_of!(Thread, base_priority);
    budget: offset_of!(Thread, budget);
    own_budget: offset_of!(Thread, own_budget);
    competing: offset_of!(Thread, competing);
    suspended: offset_of!(Thread, suspended);
    faulted: offset_of!(Thread, faulted);
    has_io_ports: offset_of!(Thread, has_io_ports);
    next: offset_of!(Thread, next);
    previous: offset_of!(Thread, previous);
    reply_to: offset_of!(Thread, reply_to);
    calling: offset_of!(Thread, calling);
    call_badge: offset_of!(Thread, call_badge);
    lease_count: offset_of!(Thread, lease_count);
    cpu_ticks: offset_of!(Thread, cpu_ticks);
    // Values.
    port_kind: crate::capability::PORT as usize;
    running: crate::thread::RUNNING as usize;
    awaiting_reply: crate::thread::AWAITING_REPLY as usize;
    receiving: crate::thread::RECEIVING as usize;
}

const _: () = assert!(offset_of!(Thread, context) == 0);
