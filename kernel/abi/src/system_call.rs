//! The system calls.

codes! {
    /// System-call numbers (`rax`). Arguments are listed in register order: `rdi, rsi, rdx, r8,
    /// r9, r10, r12`; results likewise, after the error code in `rax`. "handle?" may be 0.
    SystemCall:
    // Messages. They use the full message convention of the crate documentation.
    /// `(port: SEND, message) -> message`: sends and waits for the reply.
    Call = 0, "call";
    /// `(port: RECEIVE, message) -> message`: replies to the current caller, then receives. If the
    /// caller is gone, the reply is dropped and the call still receives.
    ReplyReceive = 1, "reply_receive";
    /// `(port: RECEIVE) -> message`: receives. A caller not yet replied to gets `NoReply`.
    Receive = 2, "receive";
    /// `(reply?, message)`: answers the current caller (0) or the one a reply handle names, which is used up.
    Reply = 3, "reply";
    /// `() -> reply`: turns the right to answer the current caller into a handle, for later.
    ReplySave = 4, "reply_save";
    /// `(reply?, lease index, offset, buffer, length, 0) -> bytes`: copies from a lease of the caller. Pieces of 4 KiB, each all or nothing; a
    /// longer copy may be interrupted in between, and on an error some of them may have been done.
    LeaseRead = 5, "lease_read";
    /// `(reply?, lease index, offset, buffer, length, 0) -> bytes`: copies to a lease of the caller, as `LeaseRead`.
    LeaseWrite = 6, "lease_write";
    /// `(reply?, lease index) -> length, access`: describes a lease of the caller.
    LeaseInfo = 7, "lease_info";

    // Signals and time.
    /// `(signal: SEND, bits)`: ORs bits in and wakes a waiter. Bits outside a badged handle's badge are refused.
    Notify = 8, "notify";
    /// `(signal: RECEIVE, mask) -> bits`: waits until a bit of the mask is set; takes and clears those.
    Wait = 9, "wait";
    /// `(signal: RECEIVE, mask) -> bits`: takes and clears without waiting; 0 if none.
    Poll = 10, "poll";
    /// `(signal: RECEIVE, deadline in ns since boot, bits)`: sets the signal's one-shot timer; `u64::MAX` stops it.
    TimerSet = 11, "timer_set";

    // Handles.
    /// `(handle: COPY, rights, badge) -> handle`: derives a copy with at most these rights. A badge other than 0
    /// needs `BADGE`, an unbadged source, and a port or signal; a port's copy may always be marked [`crate::DELEGATED`].
    HandleCopy = 12, "handle_copy";
    /// `(handle)`: gives the handle up. What was derived from it stays, derived from its parent.
    HandleClose = 13, "handle_close";
    /// `(handle)`: takes back everything derived from the handle, in every process; mappings too.
    HandleRevoke = 14, "handle_revoke";
    /// `(handle) -> kind, rights, badge`: describes the handle.
    HandleInfo = 15, "handle_info";

    // Objects. `quota?` 0 charges the caller's own quota.
    /// `(quota?: CONTROL, label) -> port`: all rights. The label (an interface id) is for debuggers.
    PortCreate = 16, "port_create";
    /// `(port: RECEIVE, signal?: RECEIVE)`: receivers on the port also get the signal's bits; 0 unbinds.
    PortBind = 17, "port_bind";
    /// `(quota?: CONTROL) -> signal`: all rights.
    SignalCreate = 18, "signal_create";
    /// `(quota?: CONTROL, pages, kind: RegionKind) -> region`: zeroed RAM, all rights (DMA for contiguous).
    RegionCreate = 19, "region_create";
    /// `(region, process?: CONTROL, address, offset in pages, pages, flags: MapFlags)`: maps. Page tables are
    /// charged to the process mapped into.
    RegionMap = 20, "region_map";
    /// `(process?: CONTROL, address)`: removes the whole mapping that starts at the address.
    RegionUnmap = 21, "region_unmap";
    /// `(region) -> pages, kind, physical address`: the last is 0 without `DMA`.
    RegionInfo = 22, "region_info";
    /// `(quota: CONTROL, limits address) -> quota`: carves a child out of a quota (`QuotaLimits`).
    QuotaCreate = 23, "quota_create";
    /// `(quota?: READ, buffer)`: writes limits, then use (`QuotaLimits` twice).
    QuotaInfo = 24, "quota_info";

    // Processes and threads.
    /// `(quota?: CONTROL, name address) -> process`: empty, charged to that quota, which becomes its own. It ends when its
    /// creator does, if not before.
    ProcessCreate = 25, "process_create";
    /// `(process: CONTROL, handle: COPY, rights, badge) -> handle value in that process`: gives it a copy.
    ProcessGrant = 26, "process_grant";
    /// `(process: CONTROL, code)`: ends it as if it had exited with this code. It is dead at once; what it held comes back in steps, which go before
    /// the caller but may take longer than its turn.
    ProcessKill = 27, "process_kill";
    /// `(process: WATCH, signal: SEND, bits)`: notify when it has ended and all it held has come back (at once if that is so). Up to four signals can
    /// watch one process.
    ProcessWatch = 28, "process_watch";
    /// `(process?: READ, buffer)`: writes `info::ProcessInfo`.
    ProcessInfo = 29, "process_info";
    /// `(process: DEBUG, address, buffer, length)`: copies from its memory, in pieces as `LeaseRead`.
    ProcessRead = 30, "process_read";
    /// `(code)`: ends the calling process. Does not return.
    ProcessExit = 31, "process_exit";
    /// `(process?: CONTROL, priority, fault port?: SEND + COPY) -> thread`: suspended, all rights, and a priority no
    /// higher than the caller's process may give.
    ThreadCreate = 32, "thread_create";
    /// `(thread: CONTROL, entry, stack, argument)`: starts it; the argument arrives in `rdi`.
    ThreadStart = 33, "thread_start";
    /// `(thread: CONTROL)`: stops it as soon as it runs in ring 3 or waits; a wait is resumed later.
    ThreadSuspend = 34, "thread_suspend";
    /// `(thread: CONTROL)`: undoes `ThreadSuspend`.
    ThreadResume = 35, "thread_resume";
    /// `(thread: CONTROL, priority)`: at most the caller's process's highest.
    ThreadPriority = 36, "thread_priority";
    /// `(thread: READ or 0, buffer)`: writes `info::ThreadInfo`.
    ThreadInfo = 37, "thread_info";
    /// `(thread: DEBUG, buffer)`: writes `info::Registers` of a suspended or faulted thread.
    ThreadReadRegisters = 38, "thread_read_registers";
    /// `(thread: WRITE, buffer)`: replaces the registers of a suspended or faulted thread.
    ThreadWriteRegisters = 39, "thread_write_registers";
    /// `()`: ends the calling thread; the last one ends its process with code 0.
    ThreadExit = 40, "thread_exit";
    /// `()`: lets another thread of the same priority run.
    ThreadYield = 41, "thread_yield";
    /// `()`: does nothing; the cost of entering and leaving the kernel.
    Null = 42, "null";

    // The machine.
    /// `(machine: CONTROL, interrupt line) -> irq`: mints authority over one global interrupt line, or, in
    /// [`MESSAGE_LINES`](crate::layout::MESSAGE_LINES), over one message-signalled interrupt.
    IrqCreate = 43, "irq_create";
    /// `(irq: CONTROL, signal: SEND, bits)`: interrupts notify the signal; a level-triggered line stays masked until `IrqAcknowledge`.
    IrqBind = 44, "irq_bind";
    /// `(irq: CONTROL)`: unmasks the line.
    IrqAcknowledge = 45, "irq_acknowledge";
    /// `(machine or io-ports: CONTROL, first port, count) -> io-ports`: mints authority over a port range that nobody has, or over a part of one.
    IoPortsCreate = 46, "io_ports_create";
    /// `(io-ports: CONTROL, process?: CONTROL)`: threads of that process may use the ports from ring 3.
    IoPortsBind = 47, "io_ports_bind";
    /// `(machine or device region: CONTROL, physical address, pages) -> region`: mints a region over device memory or firmware tables, never RAM in use;
    /// or one over a part of a device region.
    RegionDevice = 48, "region_device";
    /// `(machine: SEND, buffer, length)`: writes text to the kernel's debug UART.
    DebugWrite = 49, "debug_write";
    /// `(machine: READ, buffer)`: writes `info::KernelInfo`.
    KernelInfo = 50, "kernel_info";
    /// `(process: CONTROL, priority)`: the highest priority its threads may be given, at most the caller's own highest.
    ProcessPriority = 51, "process_priority";
    /// `(process: READ, handle value) -> handle value, kind << 16 | rights, badge, object number`: walks the process's handles: tells of the one after the
    /// one with this value in that process, of the first for 0. `NotMapped` past the end, `InvalidHandle` if it has none with this value (any more).
    ProcessHandles = 52, "process_handles";
    /// `(machine: CONTROL, 0 or 1)`: turns the trace ring off or on.
    TraceSet = 53, "trace_set";

    // Processor time.
    /// `(quota?: CONTROL, processor, budget in ns, period in ns, flags: BudgetFlags) -> budget`: all rights. Charges the quota's time. The processor must be
    /// one the caller's process may use (`MissingRight`).
    BudgetCreate = 54, "budget_create";
    /// `(budget: CONTROL, budget in ns, period in ns)`: changes it, also while threads run on it. What has been used of the
    /// present period stays used.
    BudgetSet = 55, "budget_set";
    /// `(thread: CONTROL, budget?: SEND, passive: 0 or 1)`: the thread runs on this budget from now on; 0 for its process's. A passive
    /// thread has none: from its next `receive` on it runs only on what its callers lend.
    BudgetBind = 56, "budget_bind";
    /// `(budget: READ, buffer)`: writes `info::BudgetInfo`.
    BudgetInfo = 57, "budget_info";
    /// `(budget: CONTROL, signal: SEND, bits)`: notify whenever it runs out under a thread that would go on.
    BudgetWatch = 58, "budget_watch";
    /// `(process: CONTROL, budget: SEND)`: threads made in the process from now on run on this budget.
    ProcessBudget = 59, "process_budget";
    /// `(thread: CONTROL, weight)`: length of its turns among equals, in hundredths of the usual one, 1 to 10,000.
    ThreadWeight = 60, "thread_weight";

    // Processors.
    /// `(thread?: CONTROL, processor)`: the thread, or the caller's own, runs on this processor from now on, on the processor's own, unlimited time. The processor must be
    /// one its process may use (`MissingRight`), and so must unlimited time: where a process's threads are made on a budget, they stay on budgets.
    ThreadProcessor = 61, "thread_processor";
    /// `(process: CONTROL, processors)`: threads of the process may be moved to these processors only (bit n for processor n), and those made from now
    /// on start on the lowest of them. Each must be one the caller's own process may use.
    ProcessProcessors = 62, "process_processors";

    // Memory without a handle.
    /// `(quota?: CONTROL, process?: CONTROL, address, pages, flags: MapFlags)`: maps zeroed RAM, backed at first touch, that nobody has a handle to: it goes
    /// with its mapping (`RegionUnmap`). Page tables are charged to the process mapped into.
    MemoryMap = 63, "memory_map";

    // More of the machine.
    /// `(machine: READ, processor, sequence, buffer) -> sequence of the first, count`: writes events of that processor's trace ring (`trace::Event`), oldest
    /// first, at most [`TRACE_READ`](crate::trace::TRACE_READ): those recorded after the first `sequence` ones since boot, as far as they are still there.
    TraceRead = 64, "trace_read";
}

codes! {
    /// What `RegionCreate` makes.
    RegionKind:
    /// RAM, backed at first touch; the quota is charged at once, so a touch never fails.
    Lazy = 0, "lazy memory";
    /// Physically contiguous RAM, for DMA.
    Contiguous = 1, "contiguous memory";
    /// Device memory or firmware tables (`RegionDevice` makes these).
    Device = 2, "device memory";
}

bitflags::bitflags! {
    /// What a budget does when it has run out.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct BudgetFlags: u32 {
        /// The thread faults (`FaultKind::OutOfTime`) instead of waiting for the next replenishment. One that it is only lent to waits.
        const FAULT = 1 << 0;
    }

    /// How `RegionMap` maps. `WRITE` together with `EXECUTE` is refused.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct MapFlags: u32 {
        /// Writable (needs [`crate::Rights::WRITE`]). Every mapping is readable.
        const WRITE = 1 << 0;
        /// Executable (needs [`crate::Rights::EXECUTE`]).
        const EXECUTE = 1 << 1;
        /// Back every page now instead of at first touch.
        const POPULATE = 1 << 2;
        /// Write-combining instead of uncached, for frame buffers; device regions only.
        const WRITE_COMBINE = 1 << 3;
    }
}
