//! Between the ABI's `repr(C)` structs and the bytes in a program's memory, field by field: no unsafe casts.

use airox_abi::info::{BudgetInfo, ClockPage, KernelInfo, ProcessInfo, Registers, ThreadInfo};
use airox_abi::layout::NAME_LENGTH;
use airox_abi::message::{HandleTransfer, Lease, MAX_HANDLES};
use airox_abi::root::RootBlock;
use airox_abi::snapshot::{PortEntry, RingEntry, SnapshotHeader, ThreadEntry};
use airox_abi::trace::Event;
use airox_abi::{Handle, QuotaKind, QuotaLimits};
use core::mem::offset_of;

/// A value with a little-endian form.
trait Field {
    fn put(&self, to: &mut [u8]);
}

macro_rules! integers {
    ($($type:ty),*) => { $(impl Field for $type {
        fn put(&self, to: &mut [u8]) {
            to[..size_of::<$type>()].copy_from_slice(&self.to_le_bytes());
        }
    })* };
}
integers!(u8, u16, u32, u64, i64);

impl Field for Handle {
    fn put(&self, to: &mut [u8]) {
        self.0.put(to);
    }
}

impl<const N: usize> Field for [u8; N] {
    fn put(&self, to: &mut [u8]) {
        to[..N].copy_from_slice(self);
    }
}

impl Field for ThreadInfo {
    fn put(&self, to: &mut [u8]) {
        thread_info(self).put(to);
    }
}

impl Field for KernelInfo {
    fn put(&self, to: &mut [u8]) {
        kernel_info(self).put(to);
    }
}

impl Field for airox_abi::root::Framebuffer {
    fn put(&self, to: &mut [u8]) {
        framebuffer(self).put(to);
    }
}

impl Field for QuotaLimits {
    fn put(&self, to: &mut [u8]) {
        for (value, to) in self.0.iter().zip(to.chunks_exact_mut(4)) {
            value.put(to);
        }
    }
}

macro_rules! to_bytes {
    ($($(#[$doc:meta])* $name:ident: $type:ty { $($field:ident),* $(,)? })*) => { $(
        $(#[$doc])*
        pub(crate) fn $name(value: &$type) -> [u8; size_of::<$type>()] {
            let mut bytes = [0; size_of::<$type>()];
            $(value.$field.put(&mut bytes[offset_of!($type, $field)..]);)*
            bytes
        }
    )* };
}

to_bytes! {
    /// For `CLOCK_PAGE`.
    clock_page: ClockPage { base_ticks, ticks_per_second, multiplier, shift }
    /// For `thread_info`.
    thread_info: ThreadInfo { number, process, state, priority, processor, cpu_ticks }
    /// For `budget_info`.
    budget_info: BudgetInfo {
        number, processor, budget_ns, period_ns, available_ticks, used_ticks, overruns,
    }
    /// For `process_info`.
    process_info: ProcessInfo {
        name, number, threads, handles, resident_pages, state, priority, max_priority, faulted,
        processors, exit_code, cpu_ticks, limits, used,
    }
    /// For `kernel_info`.
    kernel_info: KernelInfo {
        total_frames, used_frames, objects, capacity, switches, system_calls, interrupts, idle_ticks,
        processors,
    }
    /// For `thread_read_registers`.
    registers: Registers {
        rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp, r8, r9, r10, r11, r12, r13, r14, r15, rip, rflags,
    }
    /// For `START_BLOCK` of the root task.
    root_block: RootBlock {
        magic, process, thread, quota, machine, bundle, bundle_length, bundle_offset, rsdp, framebuffer,
        stack_base, stack_length, loader_ticks,
    }
    /// For snapshots.
    event: Event { ticks, kind_a, b, c, d }
    /// For snapshots.
    port_entry: PortEntry { label, number, handles, receiving, sending }
    /// For snapshots.
    ring_entry: RingEntry { processor, events, recorded }
    /// For snapshots.
    thread_entry: ThreadEntry { info, waits_at, owes, instruction }
    /// For snapshots.
    snapshot_header: SnapshotHeader {
        magic, sequence, ticks, base_ticks, ticks_per_second, processes, threads, ports, rings,
        omitted, kernel,
    }
    /// For the root block.
    framebuffer: airox_abi::root::Framebuffer {
        address, length, width, height, stride, bytes_per_pixel, format,
    }
}

/// The first eight bytes of a name.
pub(crate) fn first_word(name: &[u8; NAME_LENGTH]) -> u64 {
    u64_at(name, 0)
}

fn u16_at(bytes: &[u8], offset: usize) -> u16 {
    u16::from_le_bytes([bytes[offset], bytes[offset + 1]])
}

fn u32_at(bytes: &[u8], offset: usize) -> u32 {
    u32::from(u16_at(bytes, offset)) | u32::from(u16_at(bytes, offset + 2)) << 16
}

fn u64_at(bytes: &[u8], offset: usize) -> u64 {
    u64::from(u32_at(bytes, offset)) | u64::from(u32_at(bytes, offset + 4)) << 32
}

/// A [`Lease`]; `bytes` has its size.
pub(crate) fn lease(bytes: &[u8]) -> Lease {
    Lease {
        address: u64_at(bytes, offset_of!(Lease, address)),
        length: u64_at(bytes, offset_of!(Lease, length)),
        access: u64_at(bytes, offset_of!(Lease, access)),
    }
}

/// A [`HandleTransfer`]; `bytes` has its size.
pub(crate) fn handle_transfer(bytes: &[u8]) -> HandleTransfer {
    HandleTransfer {
        handle: Handle(u32_at(bytes, offset_of!(HandleTransfer, handle))),
        rights: u16_at(bytes, offset_of!(HandleTransfer, rights)),
        reserved: u16_at(bytes, offset_of!(HandleTransfer, reserved)),
        badge: u64_at(bytes, offset_of!(HandleTransfer, badge)),
    }
}

/// [`QuotaLimits`]; `bytes` has their size.
pub(crate) fn quota_limits(bytes: &[u8]) -> QuotaLimits {
    let mut limits = QuotaLimits::default();
    for kind in 0..QuotaKind::COUNT {
        limits.0[kind] = u32_at(bytes, kind * 4);
    }
    limits
}

/// Limits and use, as `quota_info` writes them.
pub(crate) fn quota_info(limits: &QuotaLimits, used: &QuotaLimits) -> [u8; 2 * size_of::<QuotaLimits>()] {
    let mut bytes = [0; 2 * size_of::<QuotaLimits>()];
    limits.put(&mut bytes);
    used.put(&mut bytes[size_of::<QuotaLimits>()..]);
    bytes
}

/// The received handles of an extension.
pub(crate) fn handles(handles: &[Handle; MAX_HANDLES]) -> [u8; 4 * MAX_HANDLES] {
    let mut bytes = [0; 4 * MAX_HANDLES];
    for (handle, to) in handles.iter().zip(bytes.chunks_exact_mut(4)) {
        handle.put(to);
    }
    bytes
}

/// [`Registers`]; `bytes` has their size.
pub(crate) fn read_registers(bytes: &[u8]) -> Registers {
    macro_rules! read {
        ($($field:ident),*) => { Registers { $($field: u64_at(bytes, offset_of!(Registers, $field)),)* } };
    }
    read!(rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp, r8, r9, r10, r11, r12, r13, r14, r15, rip, rflags)
}

#[cfg(test)]
#[path = "tests/wire.rs"]
mod tests;
