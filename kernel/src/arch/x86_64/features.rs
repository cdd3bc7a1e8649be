//! What the CPU can do, and the control registers and MSRs set accordingly.

use super::descriptors::{KERNEL_CODE, KERNEL_DATA};
use super::entry;
use raw_cpuid::{CpuId, CpuIdReaderNative};
use spin::Once;
use x86_64::VirtAddr;
use x86_64::registers::control::{Cr4, Cr4Flags, Efer, EferFlags};
use x86_64::registers::debug::{Dr7, Dr7Value};
use x86_64::registers::model_specific::{LStar, Msr, SFMask, Star};
use x86_64::registers::rflags::RFlags;
use x86_64::registers::xcontrol::{XCr0, XCr0Flags};

/// What the kernel uses if it is there.
pub struct Features {
    /// CR4. Of what not every CPU has: supervisor mode execution and access prevention, user mode instruction prevention, machine-check
    /// exceptions, XSAVE.
    control: Cr4Flags,
    /// State components that XSAVE handles: x87, SSE, AVX; none without XSAVE. AVX-512 stays off: its state would double the cost of
    /// every interrupt.
    pub vector_components: XCr0Flags,
    /// x2APIC mode.
    pub x2apic: bool,
    /// The APIC timer's TSC-deadline mode.
    pub tsc_deadline: bool,
    /// Ticks of the TSC a second, if the CPU tells.
    pub tsc_frequency: Option<u64>,
}

const IA32_PAT: u32 = 0x277;
/// Memory types by PAT index, low to high. 0, 2 and 3 are as after reset: write-back, uncached unless the MTRRs say write-combining,
/// uncached. Index 1 (PWT alone) is write-combining, for frame buffers. The upper four repeat the lower.
const MEMORY_TYPES: u64 = 0x0007_0106_0007_0106;

impl Features {
    /// What the machine's CPUs have, all alike.
    ///
    /// # Panics
    /// If they lack NX, without which no memory could be kept from being executed.
    pub fn get() -> &'static Features {
        static FEATURES: Once<Features> = Once::new();
        FEATURES.call_once(Features::detect)
    }

    fn detect() -> Features {
        let cpu = CpuId::with_cpuid_reader(CpuIdReaderNative);
        let basic = cpu.get_feature_info().expect("the CPU tells nothing about itself");
        let extended = cpu.get_extended_feature_info();
        let extended = |test: fn(&raw_cpuid::ExtendedFeatures) -> bool| extended.as_ref().is_some_and(test);
        let identifiers = cpu.get_extended_processor_and_feature_identifiers();
        assert!(identifiers.is_some_and(|info| info.has_execute_disable()), "the CPU has no NX");
        let mut control = Cr4Flags::PHYSICAL_ADDRESS_EXTENSION
            | Cr4Flags::PAGE_GLOBAL
            | Cr4Flags::OSFXSR
            | Cr4Flags::OSXMMEXCPT_ENABLE;
        control.set(Cr4Flags::SUPERVISOR_MODE_EXECUTION_PROTECTION, extended(|info| info.has_smep()));
        control.set(Cr4Flags::SUPERVISOR_MODE_ACCESS_PREVENTION, extended(|info| info.has_smap()));
        control.set(Cr4Flags::USER_MODE_INSTRUCTION_PREVENTION, extended(|info| info.has_umip()));
        control.set(Cr4Flags::MACHINE_CHECK_EXCEPTION, basic.has_mce());
        control.set(Cr4Flags::OSXSAVE, basic.has_xsave());
        let mut vector_components = XCr0Flags::empty();
        vector_components.set(XCr0Flags::X87 | XCr0Flags::SSE, basic.has_xsave());
        vector_components.set(XCr0Flags::AVX, basic.has_xsave() && basic.has_avx());
        Features {
            control,
            vector_components,
            x2apic: basic.has_x2apic(),
            tsc_deadline: basic.has_tsc_deadline(),
            // Leaf 0x15 is exact. Where it lacks the crystal's frequency, the base frequency of leaf 0x16 is what it was made from.
            tsc_frequency: cpu.get_tsc_info().and_then(|tsc| {
                tsc.tsc_frequency().or_else(|| {
                    let megahertz = cpu.get_processor_frequency_info()?.processor_base_frequency();
                    (tsc.denominator() != 0 && megahertz != 0).then_some(u64::from(megahertz) * 1_000_000)
                })
            }),
        }
    }

    /// Everything else this CPU needs before it may run ring 3.
    pub fn enable(&self) {
        // SAFETY: 1. Each optional bit is set only if the CPU has the feature. 2. No kernel mapping is accessible to ring 3, so neither
        // SMEP nor SMAP hits the kernel. 3. What is left out stays denied to ring 3 (performance counters, FS and GS bases) or
        // allowed (RDTSC).
        unsafe { Cr4::write(self.control) };
        if self.control.contains(Cr4Flags::OSXSAVE) {
            // SAFETY: OSXSAVE is set and the CPU has the components.
            unsafe { XCr0::write(self.vector_components) };
        }
        // SAFETY: the types are valid ones, and index 0, which all memory uses, does not change.
        unsafe { Msr::new(IA32_PAT).write(MEMORY_TYPES) };
        // No hardware breakpoint of the firmware's survives.
        Dr7::write(Dr7Value::from_bits_truncate(0));

        // SAFETY: the GDT has these selectors in the order that SYSCALL and SYSRET expect (user data, user code behind kernel data).
        unsafe { Star::write_raw(KERNEL_DATA as u16 | 3, KERNEL_CODE as u16) };
        let has_avx = self.vector_components.contains(XCr0Flags::AVX);
        let stub = if has_avx { entry::system_call_avx } else { entry::system_call_sse };
        LStar::write(VirtAddr::new(stub as *const () as u64));
        // No flag of the program's is on in the kernel: not interrupts, nor what turns string instructions round, traps, or suspends SMAP.
        SFMask::write(RFlags::all());
    }
}

/// What must hold on the first CPU before the kernel's own page tables are loaded, apart from what its first instructions set. All others begin so.
///
/// # Panics
/// As [`Features::get`].
pub fn protect() {
    Features::get();
    // SAFETY: 1. NX exists, or the kernel would have ended. 2. Without global pages, no translation of the loader's survives the switch to the
    // kernel's tables.
    unsafe {
        Efer::update(|flags| flags.insert(EferFlags::NO_EXECUTE_ENABLE | EferFlags::SYSTEM_CALL_EXTENSIONS));
        Cr4::update(|flags| flags.remove(Cr4Flags::PAGE_GLOBAL));
    }
}
