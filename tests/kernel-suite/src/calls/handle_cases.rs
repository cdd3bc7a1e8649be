//! Every handle argument of every system call.

use airox_abi::{ObjectKind, Rights, SystemCall};

use super::table::{Fixture, HandleCase, pad};
use crate::kernel::raw;
use crate::registry::{Run, Test};

macro_rules! cases {
    ($($name:literal: $call:ident [$position:literal] $kind:expr, $rights:expr, $optional:literal, |$fixture:ident| $arguments:expr;)*) => {
        /// The tests.
        pub const TESTS: &[Test] = &[$(
            Test::of("handle_argument", $name, Run::Handle(&HandleCase {
                call: SystemCall::$call,
                position: $position,
                kind: $kind,
                rights: $rights,
                optional: $optional,
                arguments: |$fixture: &Fixture| pad($arguments),
            })),
        )*];
    };
}

const PORT: Option<ObjectKind> = Some(ObjectKind::Port);
const SIGNAL: Option<ObjectKind> = Some(ObjectKind::Signal);
const REGION: Option<ObjectKind> = Some(ObjectKind::Region);
const QUOTA: Option<ObjectKind> = Some(ObjectKind::Quota);
const PROCESS: Option<ObjectKind> = Some(ObjectKind::Process);
const THREAD: Option<ObjectKind> = Some(ObjectKind::Thread);
const REPLY: Option<ObjectKind> = Some(ObjectKind::Reply);
const IRQ: Option<ObjectKind> = Some(ObjectKind::Irq);
const IO_PORTS: Option<ObjectKind> = Some(ObjectKind::IoPorts);
const BUDGET: Option<ObjectKind> = Some(ObjectKind::Budget);
const MACHINE: Option<ObjectKind> = Some(ObjectKind::Machine);

const NO_RIGHT: Rights = Rights::empty();
const SEND: Rights = Rights::SEND;
const RECEIVE: Rights = Rights::RECEIVE;
const READ: Rights = Rights::READ;
const WRITE: Rights = Rights::WRITE;
const CONTROL: Rights = Rights::CONTROL;
const COPY: Rights = Rights::COPY;
const DEBUG: Rights = Rights::DEBUG;
const WATCH: Rights = Rights::WATCH;

cases! {
    "call.port": Call[0] PORT, SEND, false, |_f| [];
    "reply_receive.port": ReplyReceive[0] PORT, RECEIVE, false, |_f| [];
    "receive.port": Receive[0] PORT, RECEIVE, false, |_f| [];
    "reply.reply": Reply[0] REPLY, NO_RIGHT, true, |_f| [];
    "lease_read.reply": LeaseRead[0] REPLY, NO_RIGHT, true, |f| [0, 0, 0, f.memory.address(), 8];
    "lease_write.reply": LeaseWrite[0] REPLY, NO_RIGHT, true, |f| [0, 0, 0, f.memory.address(), 8];
    "lease_info.reply": LeaseInfo[0] REPLY, NO_RIGHT, true, |_f| [];
    "notify.signal": Notify[0] SIGNAL, SEND, false, |_f| [0, 1];
    "wait.signal": Wait[0] SIGNAL, RECEIVE, false, |_f| [0, 1];
    "poll.signal": Poll[0] SIGNAL, RECEIVE, false, |_f| [0, 1];
    "timer_set.signal": TimerSet[0] SIGNAL, RECEIVE, false, |_f| [0, u64::MAX, 1];
    "handle_copy.handle": HandleCopy[0] None, COPY, false, |_f| [0, u64::from(SEND.bits()), 0];
    "handle_close.handle": HandleClose[0] None, NO_RIGHT, false, |_f| [];
    "handle_revoke.handle": HandleRevoke[0] None, NO_RIGHT, false, |_f| [];
    "handle_info.handle": HandleInfo[0] None, NO_RIGHT, false, |_f| [];
    "port_create.quota": PortCreate[0] QUOTA, CONTROL, true, |_f| [0, 7];
    "port_bind.port": PortBind[0] PORT, RECEIVE, false, |f| [0, raw(f.signal.get())];
    "port_bind.signal": PortBind[1] SIGNAL, RECEIVE, true, |f| [raw(f.port.get()), 0];
    "signal_create.quota": SignalCreate[0] QUOTA, CONTROL, true, |_f| [];
    "region_create.quota": RegionCreate[0] QUOTA, CONTROL, true, |_f| [0, 1, 0];
    "region_map.region": RegionMap[0] REGION, READ, false,
        |_f| [0, 0, crate::child::free_address(1), 0, 1, 0];
    "region_map.process": RegionMap[1] PROCESS, CONTROL, true,
        |f| [raw(f.region.get()), 0, crate::child::free_address(1), 0, 1, 0];
    "memory_map.quota": MemoryMap[0] QUOTA, CONTROL, true, |_f| [0, 0, crate::child::free_address(1), 1, 0];
    "memory_map.process": MemoryMap[1] PROCESS, CONTROL, true, |_f| [0, 0, crate::child::free_address(1), 1, 0];
    "region_unmap.process": RegionUnmap[0] PROCESS, CONTROL, true, |_f| [0, crate::child::free_address(1)];
    "region_info.region": RegionInfo[0] REGION, NO_RIGHT, false, |_f| [];
    "quota_create.quota": QuotaCreate[0] QUOTA, CONTROL, false, |f| [0, f.memory.address()];
    "quota_info.quota": QuotaInfo[0] QUOTA, READ, true, |f| [0, f.memory.address()];
    "process_create.quota": ProcessCreate[0] QUOTA, CONTROL, true, |f| [0, f.memory.address()];
    "process_grant.process": ProcessGrant[0] PROCESS, CONTROL, false, |f| [0, raw(f.port.get()), 1, 0];
    "process_grant.handle": ProcessGrant[1] None, COPY, false, |f| [raw(f.process.get()), 0, 1, 0];
    "process_kill.process": ProcessKill[0] PROCESS, CONTROL, false, |_f| [0, 3];
    "process_watch.process": ProcessWatch[0] PROCESS, WATCH, false, |f| [0, raw(f.signal.get()), 1];
    "process_watch.signal": ProcessWatch[1] SIGNAL, SEND, false, |f| [raw(f.process.get()), 0, 1];
    "process_info.process": ProcessInfo[0] PROCESS, READ, true, |f| [0, f.memory.address()];
    "process_read.process": ProcessRead[0] PROCESS, DEBUG, false, |f| [0, f.memory.address(), f.memory.address(), 8];
    "thread_create.process": ThreadCreate[0] PROCESS, CONTROL, true, |_f| [0, 1, 0];
    "thread_create.fault_port": ThreadCreate[2] PORT, SEND.union(COPY), true, |f| [raw(f.process.get()), 1, 0];
    "thread_start.thread": ThreadStart[0] THREAD, CONTROL, false, |_f| [0, 0x41_0000, 0x41_1000, 0];
    "thread_suspend.thread": ThreadSuspend[0] THREAD, CONTROL, false, |_f| [];
    "thread_resume.thread": ThreadResume[0] THREAD, CONTROL, false, |_f| [];
    "thread_priority.thread": ThreadPriority[0] THREAD, CONTROL, false, |_f| [0, 1];
    "thread_info.thread": ThreadInfo[0] THREAD, READ, true, |f| [0, f.memory.address()];
    "thread_read_registers.thread": ThreadReadRegisters[0] THREAD, DEBUG, false, |f| [0, f.memory.address()];
    "thread_write_registers.thread": ThreadWriteRegisters[0] THREAD, WRITE, false, |f| [0, f.memory.address()];
    "irq_create.machine": IrqCreate[0] MACHINE, CONTROL, false, |_f| [0, 5];
    "irq_bind.irq": IrqBind[0] IRQ, CONTROL, false, |f| [0, raw(f.signal.get()), 1];
    "irq_bind.signal": IrqBind[1] SIGNAL, SEND, false, |f| [raw(f.irq.get()), 0, 1];
    "irq_acknowledge.irq": IrqAcknowledge[0] IRQ, CONTROL, false, |_f| [];
    "io_ports_create.machine": IoPortsCreate[0] MACHINE, CONTROL, false, |_f| [0, 0x2e8, 8];
    "io_ports_bind.ports": IoPortsBind[0] IO_PORTS, CONTROL, false, |_f| [];
    "io_ports_bind.process": IoPortsBind[1] PROCESS, CONTROL, true, |f| [raw(f.io_ports.get()), 0];
    "region_device.machine": RegionDevice[0] MACHINE, CONTROL, false, |_f| [0, 0xfed0_0000, 1];
    "debug_write.machine": DebugWrite[0] MACHINE, SEND, false, |f| [0, f.memory.address(), 8];
    "kernel_info.machine": KernelInfo[0] MACHINE, READ, false, |f| [0, f.memory.address()];
    "trace_read.machine": TraceRead[0] MACHINE, READ, false, |f| [0, 0, 0, f.memory.address()];
    "process_priority.process": ProcessPriority[0] PROCESS, CONTROL, false, |_f| [0, 1];
    "process_handles.process": ProcessHandles[0] PROCESS, READ, false, |_f| [0, 0];
    "budget_create.quota": BudgetCreate[0] QUOTA, CONTROL, true, |_f| [0, 0, 10_000, 10_000_000_000, 0];
    "budget_set.budget": BudgetSet[0] BUDGET, CONTROL, false, |_f| [0, 10_000, 1_000_000];
    "budget_bind.thread": BudgetBind[0] THREAD, CONTROL, false, |f| [0, raw(f.budget.get()), 0];
    "budget_bind.budget": BudgetBind[1] BUDGET, SEND, true, |f| [raw(f.thread.get()), 0, 0];
    "budget_info.budget": BudgetInfo[0] BUDGET, READ, false, |f| [0, f.memory.address()];
    "budget_watch.budget": BudgetWatch[0] BUDGET, CONTROL, false, |f| [0, raw(f.signal.get()), 1];
    "budget_watch.signal": BudgetWatch[1] SIGNAL, SEND, false, |f| [raw(f.budget.get()), 0, 1];
    "process_budget.process": ProcessBudget[0] PROCESS, CONTROL, false, |f| [0, raw(f.budget.get())];
    "process_budget.budget": ProcessBudget[1] BUDGET, SEND, false, |f| [raw(f.process.get()), 0];
    "thread_weight.thread": ThreadWeight[0] THREAD, CONTROL, false, |_f| [0, 50];
    "thread_processor.thread": ThreadProcessor[0] THREAD, CONTROL, true, |_f| [0, 0];
    "process_processors.process": ProcessProcessors[0] PROCESS, CONTROL, false, |_f| [0, 1];
}
