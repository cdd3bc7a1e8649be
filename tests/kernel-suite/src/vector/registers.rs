//! Loads and stores all vector registers at once, and the floating-point control words, around spinning or a system call.

use core::arch::{asm, naked_asm};

/// The sixteen vector registers, 32 bytes each; without AVX the upper halves are unused.
#[repr(C, align(32))]
#[derive(Clone, Copy, PartialEq)]
pub struct Vectors(pub [[u64; 4]; 16]);

/// What process `seed` keeps in its registers.
pub fn pattern(seed: u64) -> Vectors {
    let upper = if has_avx() { u64::MAX } else { 0 };
    Vectors(core::array::from_fn(|register| {
        let word = 0x5ec2_e700_0000_0000 | seed << 16 | register as u64;
        [word, word + 0x100, word & upper, (word + 0x300) & upper]
    }))
}

/// Whether the CPU has AVX and the kernel has turned it on.
pub fn has_avx() -> bool {
    const OSXSAVE_AND_AVX: u32 = 1 << 27 | 1 << 28;
    if core::arch::x86_64::__cpuid(1).ecx & OSXSAVE_AND_AVX != OSXSAVE_AND_AVX {
        return false;
    }
    let low: u32;
    // SAFETY: XGETBV is enabled for ring 3 where OSXSAVE is set.
    unsafe { asm!("xgetbv", in("ecx") 0, out("eax") low, out("edx") _) };
    low & 6 == 6
}

/// Loads all registers, spins `count` times, and stores them.
#[unsafe(naked)]
#[rustfmt::skip]
unsafe extern "sysv64" fn hold_avx(vectors: *const Vectors, count: u64, out: *mut Vectors) {
    naked_asm!(
        "vmovups ymm0, [rdi + 0]", "vmovups ymm1, [rdi + 32]", "vmovups ymm2, [rdi + 64]",
        "vmovups ymm3, [rdi + 96]", "vmovups ymm4, [rdi + 128]", "vmovups ymm5, [rdi + 160]",
        "vmovups ymm6, [rdi + 192]", "vmovups ymm7, [rdi + 224]", "vmovups ymm8, [rdi + 256]",
        "vmovups ymm9, [rdi + 288]", "vmovups ymm10, [rdi + 320]", "vmovups ymm11, [rdi + 352]",
        "vmovups ymm12, [rdi + 384]", "vmovups ymm13, [rdi + 416]", "vmovups ymm14, [rdi + 448]",
        "vmovups ymm15, [rdi + 480]",
        "2: dec rsi", "jnz 2b",
        "vmovups [rdx + 0], ymm0", "vmovups [rdx + 32], ymm1", "vmovups [rdx + 64], ymm2",
        "vmovups [rdx + 96], ymm3", "vmovups [rdx + 128], ymm4", "vmovups [rdx + 160], ymm5",
        "vmovups [rdx + 192], ymm6", "vmovups [rdx + 224], ymm7", "vmovups [rdx + 256], ymm8",
        "vmovups [rdx + 288], ymm9", "vmovups [rdx + 320], ymm10", "vmovups [rdx + 352], ymm11",
        "vmovups [rdx + 384], ymm12", "vmovups [rdx + 416], ymm13", "vmovups [rdx + 448], ymm14",
        "vmovups [rdx + 480], ymm15",
        "vzeroupper", "ret",
    )
}

/// The same on a CPU without AVX.
#[unsafe(naked)]
#[rustfmt::skip]
unsafe extern "sysv64" fn hold_sse(vectors: *const Vectors, count: u64, out: *mut Vectors) {
    naked_asm!(
        "movups xmm0, [rdi + 0]", "movups xmm1, [rdi + 32]", "movups xmm2, [rdi + 64]",
        "movups xmm3, [rdi + 96]", "movups xmm4, [rdi + 128]", "movups xmm5, [rdi + 160]",
        "movups xmm6, [rdi + 192]", "movups xmm7, [rdi + 224]", "movups xmm8, [rdi + 256]",
        "movups xmm9, [rdi + 288]", "movups xmm10, [rdi + 320]", "movups xmm11, [rdi + 352]",
        "movups xmm12, [rdi + 384]", "movups xmm13, [rdi + 416]", "movups xmm14, [rdi + 448]",
        "movups xmm15, [rdi + 480]",
        "2: dec rsi", "jnz 2b",
        "movups [rdx + 0], xmm0", "movups [rdx + 32], xmm1", "movups [rdx + 64], xmm2",
        "movups [rdx + 96], xmm3", "movups [rdx + 128], xmm4", "movups [rdx + 160], xmm5",
        "movups [rdx + 192], xmm6", "movups [rdx + 224], xmm7", "movups [rdx + 256], xmm8",
        "movups [rdx + 288], xmm9", "movups [rdx + 320], xmm10", "movups [rdx + 352], xmm11",
        "movups [rdx + 384], xmm12", "movups [rdx + 416], xmm13", "movups [rdx + 448], xmm14",
        "movups [rdx + 480], xmm15",
        "ret",
    )
}

/// Loads all registers, makes a system call with one argument, and stores them. Returns the call's error.
#[unsafe(naked)]
#[rustfmt::skip]
unsafe extern "sysv64" fn call_between_avx(vectors: *const Vectors, out: *mut Vectors, call: u64, argument: u64) -> u64 {
    naked_asm!(
        "vmovups ymm0, [rdi + 0]", "vmovups ymm1, [rdi + 32]", "vmovups ymm2, [rdi + 64]",
        "vmovups ymm3, [rdi + 96]", "vmovups ymm4, [rdi + 128]", "vmovups ymm5, [rdi + 160]",
        "vmovups ymm6, [rdi + 192]", "vmovups ymm7, [rdi + 224]", "vmovups ymm8, [rdi + 256]",
        "vmovups ymm9, [rdi + 288]", "vmovups ymm10, [rdi + 320]", "vmovups ymm11, [rdi + 352]",
        "vmovups ymm12, [rdi + 384]", "vmovups ymm13, [rdi + 416]", "vmovups ymm14, [rdi + 448]",
        "vmovups ymm15, [rdi + 480]",
        "push rbx", "push rbp", "push r12", "push r13", "push r14", "push r15", "push rsi",
        "mov rax, rdx", "mov rdi, rcx", "mov rsi, -1", "xor r15d, r15d", "xor ebx, ebx",
        "syscall",
        "pop rsi", "pop r15", "pop r14", "pop r13", "pop r12", "pop rbp", "pop rbx",
        "vmovups [rsi + 0], ymm0", "vmovups [rsi + 32], ymm1", "vmovups [rsi + 64], ymm2",
        "vmovups [rsi + 96], ymm3", "vmovups [rsi + 128], ymm4", "vmovups [rsi + 160], ymm5",
        "vmovups [rsi + 192], ymm6", "vmovups [rsi + 224], ymm7", "vmovups [rsi + 256], ymm8",
        "vmovups [rsi + 288], ymm9", "vmovups [rsi + 320], ymm10", "vmovups [rsi + 352], ymm11",
        "vmovups [rsi + 384], ymm12", "vmovups [rsi + 416], ymm13", "vmovups [rsi + 448], ymm14",
        "vmovups [rsi + 480], ymm15",
        "vzeroupper", "ret",
    )
}

/// The same on a CPU without AVX.
#[unsafe(naked)]
#[rustfmt::skip]
unsafe extern "sysv64" fn call_between_sse(vectors: *const Vectors, out: *mut Vectors, call: u64, argument: u64) -> u64 {
    naked_asm!(
        "movups xmm0, [rdi + 0]", "movups xmm1, [rdi + 32]", "movups xmm2, [rdi + 64]",
        "movups xmm3, [rdi + 96]", "movups xmm4, [rdi + 128]", "movups xmm5, [rdi + 160]",
        "movups xmm6, [rdi + 192]", "movups xmm7, [rdi + 224]", "movups xmm8, [rdi + 256]",
        "movups xmm9, [rdi + 288]", "movups xmm10, [rdi + 320]", "movups xmm11, [rdi + 352]",
        "movups xmm12, [rdi + 384]", "movups xmm13, [rdi + 416]", "movups xmm14, [rdi + 448]",
        "movups xmm15, [rdi + 480]",
        "push rbx", "push rbp", "push r12", "push r13", "push r14", "push r15", "push rsi",
        "mov rax, rdx", "mov rdi, rcx", "mov rsi, -1", "xor r15d, r15d", "xor ebx, ebx",
        "syscall",
        "pop rsi", "pop r15", "pop r14", "pop r13", "pop r12", "pop rbp", "pop rbx",
        "movups [rsi + 0], xmm0", "movups [rsi + 32], xmm1", "movups [rsi + 64], xmm2",
        "movups [rsi + 96], xmm3", "movups [rsi + 128], xmm4", "movups [rsi + 160], xmm5",
        "movups [rsi + 192], xmm6", "movups [rsi + 224], xmm7", "movups [rsi + 256], xmm8",
        "movups [rsi + 288], xmm9", "movups [rsi + 320], xmm10", "movups [rsi + 352], xmm11",
        "movups [rsi + 384], xmm12", "movups [rsi + 416], xmm13", "movups [rsi + 448], xmm14",
        "movups [rsi + 480], xmm15",
        "ret",
    )
}

pub fn hold(vectors: &Vectors, count: u64) -> Vectors {
    let mut out = Vectors([[0; 4]; 16]);
    // SAFETY: 1. both pointers are to live, aligned structures; 2. AVX is used only where it is on; 3. all
    // vector registers are the callee's to change.
    unsafe {
        if has_avx() {
            hold_avx(vectors, count, &mut out);
        } else {
            hold_sse(vectors, count, &mut out);
        }
    }
    out
}

/// What the registers hold after a system call made with them full of `vectors`.
pub fn call_between(vectors: &Vectors, call: airox_abi::SystemCall, argument: u64) -> (u64, Vectors) {
    let mut out = Vectors([[0; 4]; 16]);
    // SAFETY: as in `hold`; the calls made through this write no memory.
    let error = unsafe {
        if has_avx() {
            call_between_avx(vectors, &mut out, call as u64, argument)
        } else {
            call_between_sse(vectors, &mut out, call as u64, argument)
        }
    };
    (error, out)
}

/// Sets the control words, spins, and returns them and an x87 value computed before: `mxcsr`, control word, value.
pub fn hold_control(mxcsr: u32, control: u16, value: u64, count: u64) -> (u32, u16, u64) {
    let (mut mxcsr_after, mut control_after, mut value_after) = (0u32, 0u16, 0u64);
    // SAFETY: 1. all operands are live; 2. the words are put back to what Rust expects before anything else runs.
    unsafe {
        asm!(
            "ldmxcsr [{mxcsr}]",
            "fninit",
            "fldcw [{control}]",
            "fild qword ptr [{value}]",
            "2: dec {count}",
            "jnz 2b",
            "stmxcsr [{mxcsr_after}]",
            "fnstcw [{control_after}]",
            "fistp qword ptr [{value_after}]",
            "fninit",
            "ldmxcsr [{reset}]",
            mxcsr = in(reg) &mxcsr,
            control = in(reg) &control,
            value = in(reg) &value,
            count = inout(reg) count => _,
            mxcsr_after = in(reg) &mut mxcsr_after,
            control_after = in(reg) &mut control_after,
            value_after = in(reg) &mut value_after,
            reset = in(reg) &0x1f80u32,
            out("st(0)") _, out("st(1)") _, out("st(2)") _, out("st(3)") _,
            out("st(4)") _, out("st(5)") _, out("st(6)") _, out("st(7)") _,
        );
    }
    (mxcsr_after, control_after, value_after)
}
