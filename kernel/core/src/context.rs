//! A thread's saved registers: the one structure that the entry and exit stubs and the kernel's logic share.

use airox_abi::info::Registers;
use airox_abi::message::{MessageKind, Tag, WORDS};
use zerocopy::FromZeros;

/// How a context is left when its thread runs again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u64)]
pub enum Resume {
    /// It entered by `syscall`: `sysret`, vector registers come back cleared.
    SystemCall = 0,
    /// It was interrupted, faulted, started or had its registers replaced: everything is restored from here.
    Full = 1,
}

/// Bytes of the XSAVE area for x87, SSE and AVX state in standard format (Intel SDM vol. 1, 13.4:
/// 512 legacy + 64 header + 256 upper halves of YMM).
pub const VECTOR_BYTES: usize = 832;

/// Vector and x87 state, valid while the thread's [`Resume`] is `Full`.
#[derive(Clone, Debug, FromZeros)]
#[repr(C, align(64))]
pub struct VectorState(pub [u8; VECTOR_BYTES]);

impl VectorState {
    /// The reset state, for XRSTOR (`XSTATE_BV` = 0) and FXRSTOR alike.
    pub const RESET: VectorState = {
        let mut bytes = [0; VECTOR_BYTES];
        // FCW = 0x037f: all x87 exceptions masked (Intel SDM vol. 1, 8.1.5).
        bytes[0] = 0x7f;
        bytes[1] = 0x03;
        // MXCSR = 0x1f80: all SIMD exceptions masked (10.2.3).
        bytes[24] = 0x80;
        bytes[25] = 0x1f;
        VectorState(bytes)
    };
}

/// Registers of a thread that is not running.
///
/// The end of the structure is where the CPU itself pushes on an interrupt from ring 3: `TSS.RSP0` points just
/// behind `ss`, so the interrupt frame lands in `ip..=ss` and the stubs push the rest below it. Hence the order, and hence the
/// 16-byte alignment of the end.
#[derive(Clone, Debug, FromZeros)]
#[repr(C, align(64))]
pub struct Context {
    /// Vector registers.
    pub vector: VectorState,
    /// Zero: pads the structure, so that its end is 16-byte aligned (the CPU aligns `rsp` down to 16 before it pushes
    /// an interrupt frame, Intel SDM vol. 3, 6.14.2).
    pub reserved: u64,
    /// Physical address of the address space's top-level table (the value for CR3).
    pub address_space: u64,
    /// A [`Resume`] value.
    pub resume: u64,
    /// `rsi rdx r8 r9 r10 r12 r13 r14`: message words, in this order.
    pub words: [u64; WORDS],
    /// `r15`: message tag.
    pub tag: Tag,
    /// `rdi`: first argument, first result, badge.
    pub rdi: u64,
    /// `rbx`: address of the message extension.
    pub rbx: u64,
    /// `rbp`.
    pub rbp: u64,
    /// `r11`.
    pub r11: u64,
    /// `rcx`.
    pub rcx: u64,
    /// `rax`: system-call number, error code.
    pub rax: u64,
    /// Error code pushed by the CPU, or 0.
    pub code: u64,
    /// `rip`.
    pub ip: u64,
    /// Code segment selector.
    pub cs: u64,
    /// `rflags`.
    pub flags: u64,
    /// `rsp`.
    pub sp: u64,
    /// Stack segment selector.
    pub ss: u64,
}

const _: () = assert!(core::mem::offset_of!(Context, ss) + 8 == 1024);
const _: () = assert!(size_of::<Context>() == 1024);

/// Selector of the ring-3 code segment, RPL 3. SYSRET needs the order: kernel code 0x08, kernel data 0x10, user data 0x18, user code 0x20.
pub const USER_CODE: u64 = 0x23;
/// Selector of the ring-3 data segment, RPL 3.
pub const USER_DATA: u64 = 0x1b;
/// Flags a thread starts with: interrupts on, bit 1 is always 1.
pub const START_FLAGS: u64 = 0x202;
/// Flags a program may change: CF PF AF ZF SF TF DF OF RF AC ID.
pub const USER_FLAGS: u64 = 0x0025_0dd5;

impl Default for Context {
    fn default() -> Context {
        Context::new(0)
    }
}

impl Context {
    /// A context of a ring-3 thread that has not started.
    #[must_use]
    pub fn new(address_space: u64) -> Context {
        Context {
            vector: VectorState::RESET,
            address_space,
            resume: Resume::Full as u64,
            cs: USER_CODE,
            flags: START_FLAGS,
            ss: USER_DATA,
            ..Context::new_zeroed()
        }
    }

    /// The registers as a debugger sees them.
    #[must_use]
    pub const fn registers(&self) -> Registers {
        let [rsi, rdx, r8, r9, r10, r12, r13, r14] = self.words;
        let &Context { tag: Tag(r15), rdi, rbx, rbp, r11, rcx, rax, ip: rip, flags: rflags, sp: rsp, .. } = self;
        Registers { rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp, r8, r9, r10, r11, r12, r13, r14, r15, rip, rflags }
    }

    /// Replaces the registers; flags a program may not set keep their start values.
    pub const fn set_registers(&mut self, registers: &Registers) {
        let &Registers { rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp, r8, r9, r10, r11, r12, r13, r14, r15, rip, rflags } =
            registers;
        self.words = [rsi, rdx, r8, r9, r10, r12, r13, r14];
        (self.tag, self.rdi, self.rbx, self.rbp) = (Tag(r15), rdi, rbx, rbp);
        (self.r11, self.rcx, self.rax) = (r11, rcx, rax);
        (self.ip, self.sp, self.flags) = (rip, rsp, START_FLAGS | (rflags & USER_FLAGS));
        self.resume = Resume::Full as u64;
    }

    /// The result of a call that waited: success, with one value.
    pub(crate) const fn complete(&mut self, value: u64) {
        self.rax = 0;
        self.rdi = value;
    }

    /// A receive that got a signal's bits.
    pub(crate) const fn receive_signal(&mut self, bits: u64) {
        self.rax = 0;
        self.rdi = 0;
        self.tag = Tag(0).with_kind(MessageKind::Signal);
        self.words = [bits, 0, 0, 0, 0, 0, 0, 0];
    }
}
