//! Every pointer argument of every system call. The message extension and leases are tested with the messages.

use airox_abi::info::{BudgetInfo, KernelInfo, ProcessInfo, Registers, ThreadInfo};
use airox_abi::layout::NAME_LENGTH;
use airox_abi::{QuotaLimits, SystemCall};

use super::table::{Fixture, Length, PointerCase, pad};
use crate::kernel::raw;
use crate::registry::{Run, Test};

macro_rules! cases {
    ($($name:literal: $call:ident [$position:literal] $writes:literal, $length:expr, |$fixture:ident| $arguments:expr;)*) => {
        /// The tests.
        pub const TESTS: &[Test] = &[$(
            Test::of("pointer_argument", $name, Run::Pointer(&PointerCase {
                call: SystemCall::$call,
                position: $position,
                writes: $writes,
                length: $length,
                arguments: |$fixture: &Fixture| pad($arguments),
            })),
        )*];
    };
}

const fn size<T>() -> Length {
    Length::Fixed(size_of::<T>() as u64)
}

cases! {
    "quota_create.limits": QuotaCreate[1] false, size::<QuotaLimits>(), |f| [raw(f.quota.get())];
    "quota_info.buffer": QuotaInfo[1] true, size::<[QuotaLimits; 2]>(), |f| [raw(f.quota.get())];
    "process_create.name": ProcessCreate[1] false, Length::Fixed(NAME_LENGTH as u64), |_f| [0];
    "process_info.buffer": ProcessInfo[1] true, size::<ProcessInfo>(), |f| [raw(f.process.get())];
    "process_read.buffer": ProcessRead[2] true, Length::Argument(3),
        |f| [raw(f.process.get()), airox_abi::layout::CLOCK_PAGE];
    "thread_info.buffer": ThreadInfo[1] true, size::<ThreadInfo>(), |f| [raw(f.thread.get())];
    "thread_read_registers.buffer": ThreadReadRegisters[1] true, size::<Registers>(), |f| [raw(f.thread.get())];
    "thread_write_registers.buffer": ThreadWriteRegisters[1] false, size::<Registers>(), |f| [raw(f.thread.get())];
    "debug_write.text": DebugWrite[1] false, Length::Argument(2), |f| [raw(f.machine)];
    "budget_info.buffer": BudgetInfo[1] true, size::<BudgetInfo>(), |f| [raw(f.budget.get())];
    "kernel_info.buffer": KernelInfo[1] true, size::<KernelInfo>(), |f| [raw(f.machine)];
}
