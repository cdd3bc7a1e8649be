//! The local APIC of a CPU, and its one-shot timer.
//!
//! The timer is the TSC deadline where the CPU has it. Else it is the APIC's own down counter: 32 bits, so a far deadline
//! takes several shots; [`LocalApic::expired`] tells whether the last one was due.

use super::features::Features;
use airox_kernel::ticks::Rate;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering, fence};
use x2apic::lapic::{IpiAllShorthand, LocalApicBuilder, TimerDivide, TimerMode};
use x86_64::registers::model_specific::Msr;

/// Vector of the first interrupt line.
pub const FIRST_LINE: u8 = 0x30;
/// How many lines have a vector.
pub const LINES: u32 = 0xa0;
/// Vector of the timer.
pub const TIMER: u8 = 0xf0;
/// Vector that asks for a snapshot of the kernel's state.
pub const INSPECT: u8 = 0xf1;
/// Vector by which one processor has another look into the kernel.
pub const WAKE: u8 = 0xf2;
/// Vector of APIC errors.
pub const ERROR: u8 = 0xfe;
/// Vector of spurious interrupts; the low four bits are ones, as old APICs need.
pub const SPURIOUS: u8 = 0xff;

/// Whether the APIC works in x2APIC mode. For the NMI stub, which may use no registers' contents but its own.
pub static X2APIC: AtomicBool = AtomicBool::new(false);
/// Where the APIC's registers are mapped, 0 in x2APIC mode. For the NMI stub.
pub static XAPIC: AtomicU64 = AtomicU64::new(0);

const IA32_TSC_DEADLINE: u32 = 0x6e0;
/// Local vector table entries: x2APIC MSR, xAPIC offset, value. LINT0 (the legacy PIC) is masked; LINT1 is NMI.
const PINS: [(u32, u64, u32); 2] = [(0x835, 0x350, 1 << 16), (0x836, 0x360, 0b100 << 8)];

/// Whether some processor's APIC is set up.
pub fn is_set_up() -> bool {
    X2APIC.load(Ordering::Relaxed) || XAPIC.load(Ordering::Relaxed) != 0
}

/// How the timer counts.
enum Timer {
    Deadline(Msr),
    /// Counts at this rate; not known before the calibration.
    Counter(Option<Rate>),
}

/// The local APIC of the CPU that runs.
pub struct LocalApic {
    apic: x2apic::lapic::LocalApic,
    timer: Timer,
    /// TSC value the timer waits for, `u64::MAX` for none.
    deadline: u64,
}

impl LocalApic {
    /// Enables the APIC of this CPU; its registers are mapped, uncached, at `registers`. The timer is quiet.
    pub fn new(registers: u64, features: &Features) -> LocalApic {
        let mode = if features.tsc_deadline { TimerMode::TscDeadline } else { TimerMode::OneShot };
        let mut apic = LocalApicBuilder::new()
            .timer_vector(usize::from(TIMER))
            .error_vector(usize::from(ERROR))
            .spurious_vector(usize::from(SPURIOUS))
            .timer_mode(mode)
            .timer_divide(TimerDivide::Div1)
            .timer_initial(0)
            .set_xapic_base(registers)
            .build()
            .expect("local APIC");
        // SAFETY: 1. The vectors have handlers. 2. Interrupts are off, and the kernel alone uses the APIC.
        unsafe { apic.enable() };
        for (msr, offset, value) in PINS {
            // SAFETY: 1. The APIC is enabled in this mode. 2. Both entries exist on every APIC with an integrated version.
            unsafe {
                if features.x2apic {
                    Msr::new(msr).write(u64::from(value));
                } else {
                    core::ptr::with_exposed_provenance_mut::<u32>((registers + offset) as usize).write_volatile(value);
                }
            }
        }
        X2APIC.store(features.x2apic, Ordering::Relaxed);
        XAPIC.store(if features.x2apic { 0 } else { registers }, Ordering::Relaxed);
        LocalApic {
            apic,
            timer: if features.tsc_deadline {
                Timer::Deadline(Msr::new(IA32_TSC_DEADLINE))
            } else {
                Timer::Counter(None)
            },
            deadline: u64::MAX,
        }
    }

    /// The APIC's id, for interrupts addressed to it.
    pub fn id(&self) -> u32 {
        // SAFETY: reading the id changes nothing.
        let id = unsafe { self.apic.id() };
        // An xAPIC keeps it in the top byte.
        if X2APIC.load(Ordering::Relaxed) { id } else { id >> 24 }
    }

    /// Whether the timer's rate has to be measured: start with [`Self::start_count`], then pass what [`Self::counted`] to
    /// [`Self::set_rate`].
    pub fn needs_rate(&self) -> bool {
        matches!(self.timer, Timer::Counter(None))
    }

    /// Lets the counter run down from its largest value.
    pub fn start_count(&mut self) {
        // SAFETY: the timer is the kernel's; interrupts are off.
        unsafe { self.apic.set_timer_initial(u32::MAX) };
    }

    /// How far the counter has come.
    pub fn counted(&self) -> u32 {
        // SAFETY: reading the counter changes nothing.
        u32::MAX - unsafe { self.apic.timer_current() }
    }

    /// Tells the counter's rate and stops it.
    pub fn set_rate(&mut self, rate: Rate) {
        self.timer = Timer::Counter(Some(rate));
        self.arm(u64::MAX, 0);
    }

    /// Asks for the timer interrupt at `deadline`, which may be past; `u64::MAX` for none.
    pub fn arm(&mut self, deadline: u64, now: u64) {
        self.deadline = deadline;
        match &mut self.timer {
            // SAFETY: 1. The CPU has the register. 2. The handler expects the interrupt at any time. 0 disarms it.
            Timer::Deadline(msr) => unsafe {
                msr.write(if deadline == u64::MAX { 0 } else { deadline.max(1) });
            },
            Timer::Counter(rate) => {
                let count = match rate {
                    Some(rate) if deadline != u64::MAX => rate.counts(deadline.saturating_sub(now)),
                    _ => 0,
                };
                // SAFETY: the handler expects the interrupt at any time. 0 disarms the timer.
                unsafe { self.apic.set_timer_initial(count) };
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

    /// The counter's rate, if the timer has one.
    pub fn rate(&self) -> Option<Rate> {
        if let Timer::Counter(rate) = self.timer { rate } else { None }
    }

    /// The interrupt command register's way to name a processor, once it can take a command.
    fn destination(&self, id: u32) -> u32 {
        // What the other processor is going to look at has to be in memory first; the write of an MSR does not see to that.
        fence(Ordering::SeqCst);
        // SAFETY: reading the register changes nothing.
        while unsafe { self.apic.get_ipi_delivery_status() } {
            core::hint::spin_loop();
        }
        if X2APIC.load(Ordering::Relaxed) { id } else { id << 24 }
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
