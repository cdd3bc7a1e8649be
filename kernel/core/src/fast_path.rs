//! What the entry stubs' short path for `call` and `reply_receive` needs to know about the kernel's tables.
//!
//! The path itself is in `kernel/src/arch/x86_64/message_path.rs`, instruction by instruction. It does what [`crate::port`] would do where nothing
//! unusual is going on, and leaves everything else to it. All offsets are in bytes.

use crate::capability::Capability;
use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::port::Port;
use crate::processor::Processor;
use crate::signal::Signal;
use crate::slab::Slab;
use crate::thread::Thread;
use core::mem::offset_of;

macro_rules! offset {
    ($type:ty, $field:ident) => { offset_of!($type, $field) };
    ($type:ty, $field:ident . $($path:ident).+) => { offset_of!($type, $($path).+) };
}

/// Takes values, and fields of types, as `name` or `name: path.to.field`.
macro_rules! layout {
    (values { $($value:ident: $expression:expr,)* } $($type:ty { $($field:ident $(: $($path:ident).+)?),* $(,)? })*) => {
        /// Offsets in the kernel's state and its tables, and the values the path looks for.
        #[derive(Clone, Copy, Debug)]
        #[allow(missing_docs)]
        pub struct Layout { $(pub $value: usize,)* $($(pub $field: usize,)*)* }

        impl<M: Machine> Kernel<M> {
            /// Where things are.
            pub const LAYOUT: Layout = Layout {
                $($value: $expression,)*
                $($($field: offset!($type, $field $(. $($path).+)?),)*)*
            };
        }
    };
}

layout! {
    values {
        // By `repr(u32)`, kinds and states are a `u32`, and the id of the object, or of the port of a receiving thread, follows at once.
        object: offset_of!(Capability, object) + size_of::<u32>(),
        state_port: offset_of!(Thread, state) + size_of::<u32>(),
        port_kind: crate::object::PORT as usize,
        running: crate::thread::RUNNING as usize,
        awaiting_reply: crate::thread::AWAITING_REPLY as usize,
        receiving: crate::thread::RECEIVING as usize,
        port_stride: Slab::<Port>::STRIDE,
        signal_stride: Slab::<Signal>::STRIDE,
        thread_stride: Slab::<Thread>::STRIDE,
        thread_generation: Slab::<Thread>::GENERATION,
    }
    Self {
        tracing, capabilities: capabilities.base, capabilities_used: capabilities.used, ports: ports.base,
        signals: signals.base, threads: threads.base,
    }
    Processor {
        current_thread: current, current_process, last_switch, turn_end: slice_end, highest: ready.highest, switches,
    }
    Capability { owner, handle_generation: generation, kind: object, rights, badge }
    Port {
        first_sender: senders.first, first_receiver: receivers.first, last_receiver: receivers.last, servant,
        port_signal: signal,
    }
    Signal { bits }
    Thread {
        identity, state, process, priority, base_priority, budget, own_budget, competing, suspended, faulted,
        has_io_ports, next, previous, reply_to, calling, call_badge, lease_count, cpu_ticks,
    }
}

const _: () = assert!(offset_of!(Thread, context) == 0);
