//! A fault that leaves the thread at the next instruction. Unsafe code lives here and in `page`.

/// `int3`.
#[inline(always)]
pub fn fault() {
    // SAFETY: the fault handler lets the thread go on with its registers unchanged; without one the process ends.
    unsafe { core::arch::asm!("int3") };
}
