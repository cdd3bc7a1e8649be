//! [`Kernel`] by real system calls.

use core::mem::ManuallyDrop;

use airox_abi::info::{BudgetInfo, KernelInfo, ProcessInfo, Registers, ThreadInfo};
use airox_abi::trace::TraceBuffer;
use airox_abi::{BudgetFlags, Error, Handle, MapFlags, QuotaLimits, RegionKind, Rights};
use airox_rt::sys::{self, HeldHandle, clock};
use airox_rt::{Thread, TypedHandle, memory};

use crate::Kernel;

/// The kernel this program runs on.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemKernel;

impl Kernel for SystemKernel {
    fn quota_create(&mut self, parent: Handle, limits: &QuotaLimits) -> Result<Handle, Error> {
        sys::quota_create(parent, limits)
    }

    fn process_create(&mut self, quota: Handle, name: &str) -> Result<Handle, Error> {
        sys::process_create(quota, name)
    }

    fn process_priority(&mut self, process: Handle, highest: u8) -> Result<(), Error> {
        sys::process_priority(process, highest)
    }

    fn process_grant(&mut self, process: Handle, handle: Handle, rights: Rights, badge: u64) -> Result<Handle, Error> {
        sys::process_grant(process, handle, rights, badge)
    }

    fn process_kill(&mut self, process: Handle, code: i64) -> Result<(), Error> {
        sys::process_kill(process, code)
    }

    fn process_watch(&mut self, process: Handle, signal: Handle, bits: u64) -> Result<(), Error> {
        sys::process_watch(process, signal, bits)
    }

    fn process_info(&mut self, process: Handle) -> Result<ProcessInfo, Error> {
        sys::process_info(process)
    }

    fn process_read(&mut self, process: Handle, address: u64, buffer: &mut [u8]) -> Result<(), Error> {
        sys::process_read(process, address, buffer)
    }

    fn process_handle(&mut self, process: Handle, after: Handle) -> Result<HeldHandle, Error> {
        sys::process_handles(process, after)
    }

    fn region_create(
        &mut self,
        quota: Handle,
        pages: u64,
        filled: u64,
        fill: impl FnOnce(&mut [u8]),
    ) -> Result<Handle, Error> {
        memory::filled_region(quota, pages, filled, fill).map(TypedHandle::into_raw)
    }

    fn region_contiguous(&mut self, quota: Handle, pages: u64) -> Result<Handle, Error> {
        sys::region_create(quota, pages, RegionKind::Contiguous)
    }

    fn region_map(
        &mut self,
        region: Handle,
        process: Handle,
        address: u64,
        offset_pages: u64,
        pages: u64,
        flags: MapFlags,
    ) -> Result<(), Error> {
        sys::region_map(region, process, address, offset_pages, pages, flags)
    }

    fn process_processors(&mut self, process: Handle, processors: u64) -> Result<(), Error> {
        sys::process_processors(process, processors)
    }

    fn budget_create(
        &mut self,
        quota: Handle,
        processor: u32,
        budget_ns: u64,
        period_ns: u64,
        flags: BudgetFlags,
    ) -> Result<Handle, Error> {
        sys::budget_create(quota, processor, budget_ns, period_ns, flags)
    }

    fn process_budget(&mut self, process: Handle, budget: Handle) -> Result<(), Error> {
        sys::process_budget(process, budget)
    }

    fn budget_info(&mut self, budget: Handle) -> Result<BudgetInfo, Error> {
        sys::budget_info(budget)
    }

    fn thread_make_passive(&mut self, thread: Handle) -> Result<(), Error> {
        sys::budget_bind(thread, Handle::NONE, true)
    }

    fn thread_weight(&mut self, thread: Handle, weight: u16) -> Result<(), Error> {
        sys::thread_weight(thread, weight)
    }

    fn thread_create(&mut self, process: Handle, priority: u8, fault_port: Handle) -> Result<Handle, Error> {
        sys::thread_create(process, priority, fault_port)
    }

    fn thread_start(&mut self, thread: Handle, entry: u64, stack: u64, argument: u64) -> Result<(), Error> {
        // The handle stays the caller's.
        ManuallyDrop::new(Thread::from_raw(thread)).start(entry, stack, argument)
    }

    fn thread_info(&mut self, thread: Handle) -> Result<ThreadInfo, Error> {
        sys::thread_info(thread)
    }

    fn thread_read_registers(&mut self, thread: Handle) -> Result<Registers, Error> {
        sys::thread_read_registers(thread)
    }

    fn handle_copy(&mut self, handle: Handle, rights: Rights, badge: u64) -> Result<Handle, Error> {
        sys::handle_copy(handle, rights, badge)
    }

    fn handle_close(&mut self, handle: Handle) -> Result<(), Error> {
        sys::handle_close(handle)
    }

    fn handle_revoke(&mut self, handle: Handle) -> Result<(), Error> {
        sys::handle_revoke(handle)
    }

    fn port_create(&mut self, quota: Handle, label: u64) -> Result<Handle, Error> {
        sys::port_create(quota, label)
    }

    fn timer_set(&mut self, signal: Handle, deadline: u64, bits: u64) -> Result<(), Error> {
        sys::timer_set(signal, deadline, bits)
    }

    fn irq_create(&mut self, machine: Handle, line: u32) -> Result<Handle, Error> {
        sys::irq_create(machine, u64::from(line))
    }

    fn io_ports_create(&mut self, machine: Handle, first: u16, count: u16) -> Result<Handle, Error> {
        sys::io_ports_create(machine, u64::from(first), u64::from(count))
    }

    fn region_device(&mut self, machine: Handle, address: u64, pages: u64) -> Result<Handle, Error> {
        sys::region_device(machine, address, pages)
    }

    fn kernel_info(&mut self, machine: Handle) -> Result<KernelInfo, Error> {
        sys::kernel_info(machine)
    }

    fn trace_read(
        &mut self,
        machine: Handle,
        processor: u32,
        sequence: u64,
        events: &mut TraceBuffer,
    ) -> Result<(u64, usize), Error> {
        sys::trace_read(machine, processor, sequence, events)
    }

    fn now(&mut self) -> u64 {
        clock::nanoseconds()
    }

    fn nanoseconds(&mut self, ticks: u64) -> u64 {
        let nanoseconds = u128::from(ticks) * 1_000_000_000;
        let per_second = u128::from(clock::ticks_per_second().max(1));
        u64::try_from(nanoseconds / per_second).unwrap_or(u64::MAX)
    }
}
