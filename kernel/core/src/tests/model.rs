//! A machine in a hash map, and a driver that makes system calls as whichever thread the kernel lets run.

use crate::Exception;
use crate::context::Context;
use crate::kernel::{Boot, Kernel};
use crate::machine::{Frame, Machine};
use crate::object::Object;
use crate::process::Process;
use crate::root::RootImage;
use crate::slab::Id;
use crate::thread::{State, Thread};
use airox_abi::info::BudgetInfo;
use airox_abi::layout::{CLOCK_PAGE, PAGE_SIZE, PROGRAM_BASE, START_BLOCK};
use airox_abi::message::Tag;
use airox_abi::root::RootBlock;
use airox_abi::{Error, QuotaKind, QuotaLimits, Rights, SystemCall};
use airox_bundle::Segment;
use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::mem::offset_of;

/// Frames of RAM of the model.
pub const FRAMES: u32 = 8192;
/// Where every test process has scratch memory.
pub const SCRATCH: u64 = 0x2000_0000;
/// Its length in pages.
pub const SCRATCH_PAGES: u64 = 4;

#[derive(Default)]
pub struct Model {
    memory: HashMap<u32, Box<[u8; 4096]>>,
    pub time: Cell<u64>,
    /// Ticks that pass at each look at the clock; 0 for one.
    pub tick: u64,
    pub armed: u64,
    /// What the timers of the processors that [`System::on`] has left are set to.
    pub armed_elsewhere: Vec<u64>,
    /// Processors that have to be let into the kernel: bit n for processor n.
    pub interrupted: u64,
    /// How often other processors' translations were dropped.
    pub flushed_elsewhere: u32,
    pub debug: Vec<u8>,
    pub masked: HashSet<u32>,
    pub ports: Vec<(u16, u16)>,
}

impl Model {
    fn frame(&self, frame: Frame) -> &[u8; 4096] {
        static ZERO: [u8; 4096] = [0xee; 4096];
        self.memory.get(&frame.0).map_or(&ZERO, |frame| frame)
    }

    fn frame_mut(&mut self, frame: Frame) -> &mut [u8; 4096] {
        // RAM, or the bundle behind it: nothing else is ever touched.
        assert!(frame.0 < FRAMES + 64, "write to frame {frame:?}");
        self.memory.entry(frame.0).or_insert_with(|| Box::new([0xee; 4096]))
    }
}

impl Machine for Model {
    fn read_word(&self, frame: Frame, word: usize) -> u64 {
        u64::from_le_bytes(self.frame(frame)[word * 8..][..8].try_into().unwrap())
    }
    fn write_word(&mut self, frame: Frame, word: usize, value: u64) {
        self.frame_mut(frame)[word * 8..][..8].copy_from_slice(&value.to_le_bytes());
    }
    fn zero_frame(&mut self, frame: Frame) {
        self.frame_mut(frame).fill(0);
    }
    fn copy_frame(&mut self, from: (Frame, usize), to: (Frame, usize), length: usize) {
        let bytes = self.frame(from.0)[from.1..from.1 + length].to_vec();
        self.frame_mut(to.0)[to.1..to.1 + length].copy_from_slice(&bytes);
    }
    fn read_frame(&self, frame: Frame, offset: usize, into: &mut [u8]) {
        into.copy_from_slice(&self.frame(frame)[offset..offset + into.len()]);
    }
    fn write_frame(&mut self, frame: Frame, offset: usize, from: &[u8]) {
        self.frame_mut(frame)[offset..offset + from.len()].copy_from_slice(from);
    }
    fn init_address_space(&mut self, root: Frame) {
        self.write_word(root, 256, 0xdead_0001);
    }
    fn leave_address_space(&mut self, _root: Frame) {}
    fn flush_page(&mut self, _root: Frame, _address: u64) {}
    fn flush_elsewhere(&mut self, _root: Frame) {
        self.flushed_elsewhere += 1;
    }
    fn interrupt_processor(&mut self, number: u32) {
        self.interrupted |= 1 << number;
    }
    /// Between two calls of the model every processor stands still.
    fn stop_processor(&mut self, number: u32) {
        self.interrupted |= 1 << number;
    }
    fn now(&self) -> u64 {
        self.time.set(self.time.get() + self.tick.max(1));
        self.time.get()
    }
    fn arm_timer(&mut self, ticks: u64) {
        self.armed = ticks;
    }
    fn irq_exists(&self, line: u32) -> bool {
        line < 24
    }
    fn message_address(&self) -> u64 {
        0xfee0_1000
    }
    fn irq_enable(&mut self, line: u32) -> bool {
        self.masked.remove(&line);
        line >= 16
    }
    fn irq_set_masked(&mut self, line: u32, masked: bool) {
        if masked {
            self.masked.insert(line)
        } else {
            self.masked.remove(&line)
        };
    }
    fn set_io_ports(&mut self, _processor: u32, ranges: &[(u16, u16)]) {
        self.ports = ranges.to_vec();
    }
    fn load_io_ports(&mut self, _processor: u32, ranges: &[(u16, u16)]) -> bool {
        core::mem::replace(&mut self.ports, ranges.to_vec()) != ranges
    }
    fn device_range_allowed(&self, first: Frame, count: u32) -> bool {
        first.0 >= FRAMES + 64 && count > 0
    }
    fn debug_write(&mut self, text: &[u8]) {
        self.debug.extend_from_slice(text);
    }
}

/// What tests look at.
impl Kernel<Model> {
    pub(crate) fn machine(&mut self) -> &mut Model {
        &mut self.machine
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.cpu.current == self.cpu.idle
    }
}

/// A test process as its creator (always the root task) sees it.
#[derive(Clone, Copy)]
pub struct Child {
    pub process: Id<Process>,
    pub thread: Id<Thread>,
    pub process_handle: u64,
    pub thread_handle: u64,
    pub quota_handle: u64,
}

pub struct System {
    /// Whether what runs in a test comes only after processes have ended.
    pub ends_at_once: bool,
    pub kernel: Kernel<Model>,
    pub root: Id<Thread>,
    pub root_process: Id<Process>,
    pub process: u64,
    pub thread: u64,
    pub quota: u64,
    pub machine: u64,
}

/// Limits of a test child.
pub fn child_limits() -> QuotaLimits {
    let mut limits = QuotaLimits([8; QuotaKind::COUNT]);
    limits.0[QuotaKind::Frames as usize] = 64;
    limits.0[QuotaKind::Handles as usize] = 48;
    limits.0[QuotaKind::Time as usize] = 30_000;
    limits
}

impl System {
    pub fn boot() -> System {
        System::with_processors(1)
    }

    /// A system whose first processor runs the root task.
    pub fn with_processors(processors: u32) -> System {
        let segments = [
            Segment {
                address: PROGRAM_BASE,
                memory_size: 8192,
                offset: PAGE_SIZE,
                file_size: 8192,
                writable: false,
                executable: true,
            },
            Segment {
                address: PROGRAM_BASE + 8192,
                memory_size: 3 * 4096,
                offset: 3 * PAGE_SIZE,
                file_size: 5000,
                writable: true,
                executable: false,
            },
        ];
        let mut machine = Model { armed: u64::MAX, ..Model::default() };
        machine.armed_elsewhere = vec![u64::MAX; processors as usize];
        for page in 0..8 {
            machine.frame_mut(Frame(FRAMES + page)).fill(page as u8 + 1);
        }
        machine.frame_mut(Frame(FRAMES + 4))[5000 - 4096..].fill(0);
        let boot = Boot {
            memory: &[(Frame(16), 1000), (Frame(1040), FRAMES - 1040)],
            processors,
            ticks_per_second: 1_000_000_000,
            boot_ticks: 0,
            bundle: (u64::from(FRAMES) * PAGE_SIZE, 8 * PAGE_SIZE),
            rsdp: 0xe0000,
            framebuffer: Default::default(),
            root: RootImage { name: "root", entry: PROGRAM_BASE, segments: &segments },
            kernel_address_space: Frame(8),
        };
        let mut kernel = Kernel::new(machine, &boot).expect("boots");
        let (root, root_process) = (kernel.cpu.current, kernel.cpu.current_process);
        assert!(!kernel.is_idle());
        let mut block = [0; size_of::<RootBlock>()];
        kernel.read_user((root_process, START_BLOCK), &mut block).unwrap();
        let word = |offset: usize| u64::from(u32::from_le_bytes(block[offset..][..4].try_into().unwrap()));
        System {
            ends_at_once: true,
            root,
            root_process,
            process: word(offset_of!(RootBlock, process)),
            thread: word(offset_of!(RootBlock, thread)),
            quota: word(offset_of!(RootBlock, quota)),
            machine: word(offset_of!(RootBlock, machine)),
            kernel,
        }
        .with_scratch()
    }

    /// Another processor's turn in the kernel. If it was interrupted, it is let in first.
    pub fn on(&mut self, number: u32) {
        let last = self.kernel.here as usize;
        let machine = self.kernel.machine();
        machine.armed_elsewhere[last] = machine.armed;
        machine.armed = machine.armed_elsewhere[number as usize];
        let interrupted = machine.interrupted >> number & 1 != 0;
        machine.interrupted &= !(1 << number);
        self.kernel.enter(number);
        if interrupted {
            self.kernel.kicked();
        }
        self.end_processes();
    }

    /// Lets all processors in that were interrupted, and comes back to the one whose turn it was.
    pub fn settle(&mut self) {
        let here = self.kernel.here;
        while self.kernel.machine().interrupted != 0 {
            self.on(self.kernel.machine.interrupted.trailing_zeros());
        }
        self.on(here);
    }

    fn with_scratch(mut self) -> System {
        let region = self.ok(SystemCall::RegionCreate, &[0, SCRATCH_PAGES, 0]);
        self.ok(SystemCall::RegionMap, &[region, 0, SCRATCH, 0, SCRATCH_PAGES, 1 | 4]);
        self
    }

    /// Makes the running thread execute a system call. The outcome is read from its context, if it did not block.
    pub fn raw(&mut self, number: u64, arguments: &[u64], tag: Tag, extension: u64) {
        let context = self.kernel.current();
        context.rax = number;
        context.rdi = arguments.first().copied().unwrap_or(0);
        context.words = [0; 8];
        for (word, &value) in context.words.iter_mut().zip(arguments.iter().skip(1)) {
            *word = value;
        }
        context.tag = tag;
        context.rbx = extension;
        // A long call ends before its time and has the thread execute its instruction again.
        let (me, ip) = (self.kernel.cpu.current, self.kernel.current().ip);
        loop {
            self.kernel.system_call();
            self.end_processes();
            if self.kernel.cpu.current != me || self.kernel.current().ip != ip.wrapping_sub(2) {
                return;
            }
            self.kernel.current().ip = ip;
            // It may have stopped because the timer is due.
            if self.kernel.is_late() {
                self.kernel.machine().armed = u64::MAX;
                self.kernel.timer();
                if self.kernel.cpu.current != me {
                    break;
                }
            }
        }
    }

    /// While the reaper runs it faults: so processes end.
    pub fn end_processes(&mut self) {
        while self.ends_at_once && self.kernel.cpu.current == self.kernel.cpu.reaper {
            self.kernel.exception(Exception { vector: 14, code: 0x14, address: 0 });
        }
    }

    /// A call that must not block: error code or first result.
    pub fn call(&mut self, call: SystemCall, arguments: &[u64]) -> Result<u64, Error> {
        let me = self.kernel.cpu.current;
        self.raw(call as u64, arguments, Tag(0), 0);
        self.result(me)
    }

    /// What a thread's last call returned.
    pub fn result(&self, thread: Id<Thread>) -> Result<u64, Error> {
        let context = self.context(thread);
        match context.rax {
            0 => Ok(context.rdi),
            code => Err(Error::from_code(code).expect("a known error")),
        }
    }

    pub fn context(&self, thread: Id<Thread>) -> &Context {
        &self.kernel.threads[thread].context
    }

    pub fn ok(&mut self, call: SystemCall, arguments: &[u64]) -> u64 {
        self.call(call, arguments).unwrap_or_else(|error| panic!("{}: {error}", call.text()))
    }

    pub fn err(&mut self, call: SystemCall, arguments: &[u64]) -> Error {
        self.call(call, arguments).expect_err(call.text())
    }

    /// `call` or `reply_receive` with message words; may block.
    pub fn message(&mut self, call: SystemCall, handle: u64, tag: Tag, words: &[u64]) {
        let mut arguments = vec![handle];
        arguments.extend_from_slice(words);
        self.raw(call as u64, &arguments, tag, SCRATCH);
    }

    pub fn write(&mut self, process: Id<Process>, address: u64, bytes: &[u8]) {
        self.kernel.write_user((process, address), bytes).expect("test memory");
    }

    pub fn read(&mut self, process: Id<Process>, address: u64, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.kernel.read_user((process, address), &mut bytes).expect("test memory");
        bytes
    }

    /// As the root task: makes a process with scratch memory and a started thread. The root keeps running if it is at least as urgent.
    pub fn spawn(&mut self, priority: u8, fault_port: u64) -> Child {
        assert_eq!(self.kernel.cpu.current, self.root);
        let limits: Vec<u8> = child_limits().0.iter().flat_map(|limit| limit.to_le_bytes()).collect();
        let root = self.root_process;
        self.write(root, SCRATCH, &limits);
        let quota_handle = self.ok(SystemCall::QuotaCreate, &[self.quota, SCRATCH]);
        let process_handle = self.ok(SystemCall::ProcessCreate, &[quota_handle, SCRATCH]);
        let region = self.ok(SystemCall::RegionCreate, &[quota_handle, SCRATCH_PAGES, 0]);
        self.ok(SystemCall::RegionMap, &[region, process_handle, SCRATCH, 0, SCRATCH_PAGES, 1]);
        self.ok(SystemCall::HandleClose, &[region]);
        let thread_handle = self.ok(SystemCall::ThreadCreate, &[process_handle, u64::from(priority), fault_port]);
        let number = |system: &mut System, call, handle, at: usize| {
            system.ok(call, &[handle, SCRATCH]);
            u32::from_le_bytes(system.read(root, SCRATCH + at as u64, 4).try_into().unwrap())
        };
        let process =
            number(self, SystemCall::ProcessInfo, process_handle, offset_of!(airox_abi::info::ProcessInfo, number));
        let thread =
            number(self, SystemCall::ThreadInfo, thread_handle, offset_of!(airox_abi::info::ThreadInfo, number));
        self.ok(SystemCall::ThreadStart, &[thread_handle, PROGRAM_BASE, 0x1000_0000, START_BLOCK]);
        Child { process: Id::new(process), thread: Id::new(thread), process_handle, thread_handle, quota_handle }
    }

    /// As the root task: sleeps, so that the children run, until [`Self::wake_root`].
    pub fn root_sleeps(&mut self) {
        let signal = self.ok(SystemCall::SignalCreate, &[0]);
        self.raw(SystemCall::Wait as u64, &[signal, 1], Tag(0), 0);
    }

    /// Wakes the root task, which is more urgent than the children.
    pub fn wake_root(&mut self) {
        let State::Waiting(signal) = self.kernel.threads[self.root].state else { panic!("the root does not sleep") };
        self.kernel.notify(signal, 1);
        self.kernel.finish_entry();
        self.end_processes();
        self.running(self.root);
    }

    /// Lets the running thread run in ring 3 for so many ticks, with all timers that come due meanwhile.
    pub fn pass(&mut self, ticks: u64) {
        let end = self.kernel.machine().time.get() + ticks;
        while self.kernel.machine().armed <= end {
            let due = self.kernel.machine().armed;
            let now = self.kernel.machine().time.get();
            self.kernel.machine().time.set(now.max(due));
            // The hardware's timer fires once.
            self.kernel.machine().armed = u64::MAX;
            self.kernel.timer();
            self.end_processes();
        }
        let now = self.kernel.machine().time.get();
        self.kernel.machine().time.set(now.max(end));
    }

    /// As the root task: makes a budget.
    pub fn budget(&mut self, budget: u64, period: u64) -> u64 {
        self.ok(SystemCall::BudgetCreate, &[0, 0, budget, period, 0])
    }

    /// As the root task: makes a passive child that waits for calls at a new port, whose handle it returns, with the child's own.
    pub fn passive_server(&mut self, priority: u8) -> (Child, u64, u64) {
        let port = self.ok(SystemCall::PortCreate, &[0, 0]);
        let server = self.spawn(priority, 0);
        let receive = self.grant(&server, port, Rights::RECEIVE, 0);
        self.ok(SystemCall::BudgetBind, &[server.thread_handle, 0, 1]);
        self.root_sleeps();
        self.running(server.thread);
        self.raw(SystemCall::Receive as u64, &[receive], Tag(0), 0);
        self.wake_root();
        (server, port, receive)
    }

    /// What `budget_info` tells about a budget of the root task.
    pub fn budget_info(&self, handle: u64) -> BudgetInfo {
        let found = self.kernel.capabilities.find(self.root_process, handle);
        let Object::Budget(id) = found.expect("the root's handle").1.object else { panic!("no budget") };
        self.kernel.budget_info(id)
    }

    /// As the root task: gives a child a copy of a handle.
    pub fn grant(&mut self, child: &Child, handle: u64, rights: Rights, badge: u64) -> u64 {
        self.ok(SystemCall::ProcessGrant, &[child.process_handle, handle, u64::from(rights.bits()), badge])
    }

    /// As the root task: ends a child and gives everything about it back.
    pub fn reap(&mut self, child: &Child) {
        let ends_at_once = core::mem::replace(&mut self.ends_at_once, true);
        let _ = self.call(SystemCall::ProcessKill, &[child.process_handle, 0]);
        for handle in [child.thread_handle, child.process_handle, child.quota_handle] {
            self.ok(SystemCall::HandleClose, &[handle]);
        }
        self.ends_at_once = ends_at_once;
    }

    /// Lowers the root's priority below the children's, so that they run whenever they can.
    pub fn root_in_background(&mut self) {
        let thread = self.root;
        self.kernel.set_priority(thread, 1);
    }

    /// A process's handles, as `process_handles` walks them.
    pub fn handles(&self, process: Id<Process>) -> Vec<u64> {
        let mut handles = Vec::new();
        while let Some(index) = self.kernel.next_capability(process, handles.last().copied().unwrap_or(0)).unwrap() {
            handles.push(u64::from(self.kernel.capabilities.handle(index).0));
        }
        handles
    }

    /// Live objects by kind, and frames in use.
    pub fn counts(&self) -> QuotaLimits {
        self.kernel.kernel_info().objects
    }

    #[track_caller]
    pub fn running(&self, thread: Id<Thread>) {
        assert_eq!(self.kernel.cpu.current, thread, "another thread runs");
    }

    /// An address that is mapped nowhere in a test process.
    pub const UNMAPPED: u64 = CLOCK_PAGE + 0x10_0000;
}
