//! The local APIC of a CPU, and its one-shot timer.
//!
//! The timer is the TSC deadline where the CPU has it. Else it is the APIC's own down counter: 32 bits, so a far deadline
//! takes several shots; [`LocalApic::expired`] tells whether the last one was due.

use super::features::Features;
use airox_abi::layout::{LINE_VECTOR, MESSAGE_LINES};
use airox_kernel::ticks::Rate;
use core::sync::atomic::{AtomicU64, Ordering, fence};
use spin::Once;
use x2apic::lapic::{IpiAllShorthand, LocalApicBuilder, TimerMode};
use x86_64::registers::model_specific::Msr;

/// Vector of the timer.
pub const TIMER: u8 = LINE_VECTOR + MESSAGE_LINES.end as u8;
/// Vector that asks for a snapshot of the kernel's state.
pub const INSPECT: u8 = 0xf1;
/// Vector by which one processor has another look into the kernel.
pub const WAKE: u8 = 0xf2;
/// Vector of APIC errors.
pub const ERROR: u8 = 0xfe;
/// Vector of spurious interrupts; the low four bits are ones, as old APICs need.
pub const SPURIOUS: u8 = 0xff;

/// Where the APICs' registers are mapped; [`X2APIC`] in x2APIC mode, 0 before the first is set up. For the NMI stub, which may use no registers'
/// contents but its own.
pub static REGISTERS: AtomicU64 = AtomicU64::new(0);
/// No registers are mapped: they are MSRs.
pub const X2APIC: u64 = 1;
/// How fast the timers count, all alike; unset before the calibration, and where they wait for a TSC value.
static RATE: Once<Rate> = Once::new();

const IA32_TSC_DEADLINE: u32 = 0x6e0;
/// Local vector table entry of the pin LINT1: its MSR, its offset, and the value by which it is a non-maskable interrupt.
const LINT1: (u32, u64, u32) = (0x836, 0x360, 0b100 << 8);

/// The local APIC of the CPU that runs.
pub struct LocalApic {
    apic: x2apic::lapic::LocalApic,
    /// TSC value the timer waits for, `u64::MAX` for none.
    deadline: u64,
}

impl LocalApic {
    /// Enables the APIC of this CPU, whose registers are mapped, uncached, at `registers` if they are not MSRs. The timer is quiet.
    pub fn new(registers: u64) -> LocalApic {
        let features = Features::get();
        let mode = if features.tsc_deadline { TimerMode::TscDeadline } else { TimerMode::OneShot };
        let mut apic = LocalApicBuilder::new()
            .timer_vector(usize::from(TIMER))
            .error_vector(usize::from(ERROR))
            .spurious_vector(usize::from(SPURIOUS))
            .timer_mode(mode)
            .timer_initial(0)
            .set_xapic_base(registers)
            .build()
            .expect("local APIC");
        let (msr, offset, value) = LINT1;
        // SAFETY: 1. The vectors have handlers. 2. Interrupts are off, and the kernel alone uses the APIC. 3. The entry exists on every APIC, and is
        // reached in the mode that has been enabled.
        unsafe {
            apic.enable();
            if features.x2apic {
                Msr::new(msr).write(u64::from(value));
            } else {
                core::ptr::with_exposed_provenance_mut::<u32>((registers + offset) as usize).write_volatile(value);
            }
        }
        REGISTERS.store(if features.x2apic { X2APIC } else { registers }, Ordering::Relaxed);
        LocalApic { apic, deadline: u64::MAX }
    }

    /// The APIC's id, for interrupts addressed to it.
    pub fn id(&self) -> u32 {
        // SAFETY: reading the id changes nothing.
        let id = unsafe { self.apic.id() };
        // An xAPIC keeps it in the top byte.
        if Features::get().x2apic { id } else { id >> 24 }
    }

    /// Lets the counter run down from its largest value, to measure its rate: by what [`Self::counted`] tells, for [`Self::set_rate`]. Nothing
    /// happens if the timer waits for TSC values.
    pub fn start_count(&mut self) {
        // SAFETY: the timer is the kernel's; interrupts are off.
        unsafe { self.apic.set_timer_initial(u32::MAX) };
    }

    /// How far the counter has come.
    pub fn counted(&self) -> u32 {
        // SAFETY: reading the counter changes nothing.
        u32::MAX - unsafe { self.apic.timer_current() }
    }

    /// Tells the rate of all processors' counters and stops this one.
    pub fn set_rate(&mut self, rate: Rate) {
        RATE.call_once(|| rate);
        self.arm(u64::MAX, 0);
    }

    /// Asks for the timer interrupt at `deadline`, which may be past; `u64::MAX` for none.
    pub fn arm(&mut self, deadline: u64, now: u64) {
        self.deadline = deadline;
        let none = deadline == u64::MAX;
        // SAFETY: 1. A CPU whose timers have no rate has the register. 2. The handler expects the interrupt at any time. 0 disarms the timer.
        unsafe {
            match RATE.get() {
                Some(_) if none => self.apic.set_timer_initial(0),
                Some(rate) => self.apic.set_timer_initial(rate.counts(deadline.saturating_sub(now))),
                None => Msr::new(IA32_TSC_DEADLINE).write(if none { 0 } else { deadline.max(1) }),
            }
        }
    }

    /// After a timer interrupt: whether the deadline has come. If not, the timer runs on towards it.
    pub fn expired(&mut self, now: u64) -> bool {
        if now >= self.deadline {
            self.deadline = u64::MAX;
            return true;
        }
        self.arm(self.deadline, now);
        false
    }

    /// The interrupt command register's way to name a processor, once it can take a command.
    fn destination(&self, id: u32) -> u32 {
        // What the other processor is going to look at has to be in memory first; the write of an MSR does not see to that.
        fence(Ordering::SeqCst);
        // SAFETY: reading the register changes nothing.
        while unsafe { self.apic.get_ipi_delivery_status() } {
            core::hint::spin_loop();
        }
        if Features::get().x2apic { id } else { id << 24 }
    }

    /// Interrupts another processor.
    pub fn send(&mut self, id: u32, vector: u8) {
        let destination = self.destination(id);
        // SAFETY: the other processor expects the interrupt at any time.
        unsafe { self.apic.send_ipi(vector, destination) };
    }

    /// Resets another processor, which then waits for [`Self::send_start_up`].
    pub fn send_init(&mut self, id: u32) {
        let destination = self.destination(id);
        // SAFETY: nothing of the kernel's runs there yet.
        unsafe { self.apic.send_init_ipi(destination) };
    }

    /// A processor that was reset starts in real mode at the page with this number.
    pub fn send_start_up(&mut self, id: u32, page: u8) {
        let destination = self.destination(id);
        // SAFETY: the start code is in that page.
        unsafe { self.apic.send_sipi(page, destination) };
    }

    /// Calls all other processors into the kernel.
    pub fn wake_all_others(&mut self) {
        // SAFETY: they expect the interrupt at any time.
        unsafe { self.apic.send_ipi_all(WAKE, IpiAllShorthand::AllExcludingSelf) };
    }

    /// Ends the interrupt in service.
    pub fn end_of_interrupt(&mut self) {
        // SAFETY: called once for each interrupt but the spurious one.
        unsafe { self.apic.end_of_interrupt() };
    }
}
