//! What belongs to one CPU, behind its GS base.
//!
//! The entry and exit stubs reach the fields by `gs:[offset]`; hence `repr(C)`. In ring 3 the GS base is the program's and this
//! structure's address waits in `KERNEL_GS_BASE`; each entry and exit swaps the two.

use super::descriptors::TaskState;
use super::local_apic::LocalApic;
use super::machine::Pc;
use airox_kernel_core::Kernel;
use airox_kernel_core::context::Context;
use core::arch::asm;

/// One CPU.
#[repr(C)]
pub struct Cpu {
    /// Its own address.
    pub this: *mut Cpu,
    /// The context that runs, or ran until the kernel was entered.
    pub current: *mut Context,
    /// The user's stack pointer during the first instructions of a system call.
    pub scratch: u64,
    /// Top of the kernel stack.
    pub stack: u64,
    /// The address space in CR3. The processor inside the kernel reads it of all others.
    pub loaded: u64,
    /// Where the kernel's logic keeps this processor's state.
    pub processor: u64,
    /// This processor's number.
    pub number: u32,
    /// Its ticket, if a stub took one that could not finish what it began.
    pub ticket: u32,
    /// State components that XSAVE and XRSTOR handle (XCR0), 0 if the CPU has only FXSAVE.
    pub vector_components: u32,
    /// TSS and I/O permission bitmap.
    pub task_state: TaskState,
    /// The kernel's own top-level table: loaded where no program's may be.
    pub kernel_root: u64,
    /// Interrupt controller and timer, once they are set up.
    pub local_apic: Option<LocalApic>,
    /// The kernel's logic, shared by all CPUs.
    pub kernel: *mut Kernel<Pc>,
}

impl Cpu {
    /// The CPU that runs this.
    ///
    /// # Safety
    /// 1. The GS base has been set. 2. No other reference to the CPU's structure is alive.
    pub unsafe fn current<'a>() -> &'a mut Cpu {
        let cpu: *mut Cpu;
        // SAFETY: 1. In the kernel the GS base is the address of this CPU's structure, whose first field is that address.
        // 2. The instruction only reads.
        unsafe {
            asm!("mov {}, gs:[0]", out(reg) cpu, options(nostack, preserves_flags, readonly, pure));
        }
        // SAFETY: 1. The structure is never freed. 2. It is this CPU's alone, and no other reference lives, by the contract.
        unsafe { &mut *cpu }
    }

    /// The local APIC.
    ///
    /// # Panics
    /// Before it is set up.
    pub fn local_apic(&mut self) -> &mut LocalApic {
        self.local_apic.as_mut().expect("no local APIC yet")
    }
}
