//! GDT, TSS and IDT.
//!
//! Ring 3 enters through `TSS.RSP0`, the end of the running thread's `Context`. Only what may strike where the stack pointer
//! cannot be trusted has a stack of its own (IST): NMI, double fault (a kernel stack that overflowed ends there) and
//! machine check. Other exceptions in ring 0 are the kernel's own bugs: they stay on its stack and end in a panic.

use super::cpu::Cpu;
use super::entry;
use airox_kernel_core::context::{USER_CODE, USER_DATA};
use airox_kernel_core::machine::PORT_RANGES;
use alloc::boxed::Box;
use core::mem::offset_of;
use core::ptr::{addr_of, addr_of_mut};
use x86_64::instructions::segmentation::{CS, DS, ES, FS, GS, SS, Segment};
use x86_64::instructions::tables::{lidt, load_tss};
use x86_64::structures::DescriptorTablePointer;
use x86_64::structures::gdt::{Descriptor, GlobalDescriptorTable, SegmentSelector};
use x86_64::structures::idt::{Entry, HandlerFunc};
use x86_64::structures::tss::TaskStateSegment;
use x86_64::{PrivilegeLevel, VirtAddr};

/// Selector of the kernel's code segment.
pub const KERNEL_CODE: u64 = 0x08;
/// Selector of the kernel's data segment.
pub const KERNEL_DATA: u64 = 0x10;

/// Bytes of the I/O permission bitmap: one bit a port.
pub const PORT_BITMAP: usize = 8192;

/// The TSS, and behind it the I/O permission bitmap and the byte of ones that must end it (Intel SDM vol. 1, 19.5.2).
#[repr(C)]
pub struct TaskState {
    /// The TSS.
    pub segment: TaskStateSegment,
    /// A clear bit allows ring 3 the port.
    ports: [u8; PORT_BITMAP + 1],
    /// The ranges whose bits are clear.
    allowed: heapless::Vec<(u16, u16), PORT_RANGES>,
}

/// Offset of the bitmap in the TSS.
const PORTS_OFFSET: u16 = offset_of!(TaskState, ports) as u16;

impl TaskState {
    /// A TSS that allows ring 3 no port, with stacks for NMI, double fault and machine check.
    pub fn new(stacks: [u64; 3]) -> TaskState {
        let mut segment = TaskStateSegment::new();
        segment.interrupt_stack_table =
            core::array::from_fn(|index| stacks.get(index).map_or(VirtAddr::zero(), |&top| VirtAddr::new(top)));
        segment.iomap_base = PORTS_OFFSET;
        TaskState { segment, ports: [0xff; PORT_BITMAP + 1], allowed: heapless::Vec::new() }
    }

    /// Allows ring 3 exactly these ports, if the bitmap is theirs; otherwise none, until [`Self::load_ports`]. Out of reach it stays as it is: most
    /// switches come back to the same driver.
    pub fn set_ports(&mut self, ranges: &[(u16, u16)]) {
        self.segment.iomap_base = if ranges.is_empty() || self.allowed != ranges { u16::MAX } else { PORTS_OFFSET };
    }

    /// Makes the bitmap that of these ports. Returns whether it was not yet.
    pub fn load_ports(&mut self, ranges: &[(u16, u16)]) -> bool {
        if self.allowed == ranges {
            return false;
        }
        for range in core::mem::take(&mut self.allowed) {
            self.set_range(range, false);
        }
        for &range in ranges {
            self.set_range(range, true);
            // As many as there may be at most.
            let _ = self.allowed.push(range);
        }
        self.set_ports(ranges);
        true
    }

    /// Allows ring 3 the ports of a range, or forbids them.
    fn set_range(&mut self, (first, last): (u16, u16), allow: bool) {
        let (first, last) = (usize::from(first), usize::from(last));
        let (low, high) = (0xff << (first % 8), 0xff >> (7 - last % 8));
        for (byte, forbidden) in (first / 8..).zip(&mut self.ports[first / 8..=last / 8]) {
            let bits = if byte == first / 8 { low } else { 0xff } & if byte == last / 8 { high } else { 0xff };
            *forbidden = if allow { *forbidden & !bits } else { *forbidden | bits };
        }
    }
}

/// Vectors with stacks of their own, in the order of the stacks in the TSS's table.
const OWN_STACK: [usize; 3] = [2, 8, 18];
const BREAKPOINT: usize = 3;

/// Loads GDT, TSS, IDT and the GS base of a CPU. All three tables live as long as the CPU.
///
/// # Safety
/// 1. The kernel runs with interrupts off. 2. `cpu` is never freed and no reference to it is alive. 3. Its stacks are mapped.
pub unsafe fn load(cpu: *mut Cpu) {
    let mut gdt = Box::new(GlobalDescriptorTable::<8>::empty());
    let selectors = [
        Descriptor::kernel_code_segment(),
        Descriptor::kernel_data_segment(),
        Descriptor::user_data_segment(),
        Descriptor::user_code_segment(),
    ]
    .map(|segment| gdt.append(segment));
    assert_eq!(selectors.map(|selector| u64::from(selector.0)), [KERNEL_CODE, KERNEL_DATA, USER_DATA, USER_CODE]);
    // SAFETY: 1. `cpu` is never freed, so both parts of its task state live for ever. 2. The references end with the call:
    // only their addresses go into the descriptor.
    let task = unsafe {
        let state = addr_of_mut!((*cpu).task_state);
        let bitmap = core::slice::from_raw_parts(addr_of!((*state).ports).cast(), PORT_BITMAP + 1);
        Descriptor::tss_segment_with_iomap(&*addr_of!((*state).segment), bitmap)
    };
    let task = gdt.append(task.expect("I/O permission bitmap"));
    Box::leak(gdt).load();

    let gates = Box::leak(Box::new([Entry::<HandlerFunc>::missing(); 256]));
    // SAFETY: 1. The selectors are those of the GDT just loaded, which lives for ever. 2. The IDT lives for ever and each handler
    // is an entry stub. 3. Each stack in the TSS's table is one vector's. 4. GS is not used before its base is set.
    unsafe {
        CS::set_reg(selectors[0]);
        SS::set_reg(selectors[1]);
        DS::set_reg(SegmentSelector::NULL);
        ES::set_reg(SegmentSelector::NULL);
        FS::set_reg(SegmentSelector::NULL);
        GS::set_reg(SegmentSelector::NULL);
        load_tss(task);
        for (vector, gate) in gates.iter_mut().enumerate() {
            // Interrupts are off in the handler.
            let options = gate.set_handler_addr(VirtAddr::new(entry::stub(vector)));
            if let Some(stack) = OWN_STACK.iter().position(|&own| own == vector) {
                options.set_stack_index(stack as u16);
            }
            if vector == BREAKPOINT {
                options.set_privilege_level(PrivilegeLevel::Ring3);
            }
        }
        lidt(&DescriptorTablePointer { limit: (size_of_val(gates) - 1) as u16, base: VirtAddr::from_ptr(gates) });
        (*cpu).this = cpu;
    }
    x86_64::registers::model_specific::GsBase::write(VirtAddr::from_ptr(cpu));
    x86_64::registers::model_specific::KernelGsBase::write(VirtAddr::zero());
}
