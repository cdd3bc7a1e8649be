//! Signals: 64 bits that `notify` ORs in, with one one-shot timer. Interrupts, timers and the end of processes arrive here.
//!
//! One thread at a time may wait on a signal; or the signal is bound to a port and whoever receives there gets the bits.

use crate::Result;
use crate::kernel::Kernel;
use crate::machine::Machine;
use crate::port::Port;
use crate::quota::Quota;
use crate::slab::{Id, Weak};
use crate::thread::{State, Thread};
use airox_abi::Error;
use airox_abi::trace::EventKind;

/// A signal.
pub(crate) struct Signal {
    pub(crate) bits: u64,
    /// The thread in `wait`, with its mask.
    pub(crate) waiter: Option<(Id<Thread>, u64)>,
    pub(crate) port: Option<Weak<Port>>,
    pub(crate) timer_bits: u64,
    /// The processor its timer was set on.
    timer_processor: u32,
}

impl<M: Machine> Kernel<M> {
    pub(crate) fn create_signal(&mut self, quota: Id<Quota>) -> Result<Id<Signal>> {
        self.add_object(quota, Signal { bits: 0, waiter: None, port: None, timer_bits: 0, timer_processor: 0 })
    }

    /// As [`Self::notify`]; if that lets a more urgent thread go on where nothing unusual is going on, it runs at once, without queues. The
    /// kernel entry has nothing to do after this but to finish.
    #[inline(always)]
    pub(crate) fn notify_and_switch(&mut self, id: Id<Signal>, bits: u64) {
        if self.switch_to_waiter(id, bits).is_none() {
            self.notify(id, bits);
        }
    }

    /// ORs bits in and wakes who waits for one of them.
    #[inline]
    pub(crate) fn notify(&mut self, id: Id<Signal>, bits: u64) {
        self.trace(EventKind::Signal, self.cpu.current.number(), id.number(), bits, 0);
        let signal = &mut self.signals[id];
        signal.bits |= bits;
        if let Some((thread, mask)) = signal.waiter {
            let taken = signal.bits & mask;
            if taken != 0 {
                signal.bits &= !mask;
                signal.waiter = None;
                self.threads[thread].context.complete(taken);
                self.make_ready(thread);
                self.free_signal_if_unused(id);
            }
        } else if let Some(port) = signal.port
            && let Some(port) = self.ports.upgrade(port)
            && let Some(receiver) = self.take_receiver(port)
        {
            let bits = core::mem::take(&mut self.signals[id].bits);
            self.threads[receiver].context.receive_signal(bits);
            self.serve_on(receiver, port);
            self.make_ready(receiver);
        }
    }

    /// Notifies a signal that may have gone.
    pub(crate) fn notify_weak(&mut self, signal: Weak<Signal>, bits: u64) {
        if let Some(signal) = self.signals.upgrade(signal) {
            self.notify(signal, bits);
        }
    }

    /// `wait`: takes bits of the mask, or blocks the running thread until there are any.
    pub(crate) fn wait(&mut self, id: Id<Signal>, mask: u64) -> Result<Option<u64>> {
        if mask == 0 {
            return Err(Error::InvalidArgument);
        }
        let signal = &mut self.signals[id];
        let taken = signal.bits & mask;
        if taken != 0 {
            signal.bits &= !mask;
            return Ok(Some(taken));
        }
        if signal.waiter.is_some() || signal.port.is_some_and(|port| self.ports.upgrade(port).is_some()) {
            return Err(Error::Busy);
        }
        signal.waiter = Some((self.cpu.current, mask));
        self.threads[self.cpu.current].state = State::Waiting(id);
        self.stop_running();
        Ok(None)
    }

    /// Sets the one-shot timer; `u64::MAX` stops it.
    pub(crate) fn set_timer(&mut self, id: Id<Signal>, deadline_ns: u64, bits: u64) {
        self.cancel_timer(id);
        if deadline_ns != u64::MAX {
            let signal = &mut self.signals[id];
            (signal.timer_bits, signal.timer_processor) = (bits, self.cpu.number);
            self.cpu.timers.set(id.number(), self.clock.ticks(deadline_ns));
        }
        self.arm_timer();
    }

    /// If it was set on another processor, that one's hardware fires for nothing.
    fn cancel_timer(&mut self, id: Id<Signal>) {
        let processor = self.signals[id].timer_processor;
        self.processor_mut(processor).timers.cancel(id.number());
    }

    pub(crate) fn free_signal_if_unused(&mut self, id: Id<Signal>) {
        if self.signals.references(id) == 0 && self.signals[id].waiter.is_none() {
            self.cancel_timer(id);
            self.arm_timer();
            self.remove_object(id);
        }
    }
}
