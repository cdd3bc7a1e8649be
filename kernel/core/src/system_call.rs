//! System calls: arguments are claims until validated here; what follows works on typed ids.
//!
//! The message calls (`call`, `reply_receive`, `receive`) may leave the running thread waiting, and then their results are written by whoever wakes
//! it; every other call writes its own: the error code in `rax`, results in `rdi, rsi, rdx, r8`.

use crate::Result;
use crate::capability::Capability;
use crate::context::Context;
use crate::kernel::Kernel;
use crate::machine::{Frame, Machine};
use crate::object::Object;
use crate::process::Process;
use crate::quota::Quota;
use crate::region::{Place, Region, Source};
use crate::signal::Signal;
use crate::slab::Id;
use crate::thread::{State, Thread};
use airox_abi::layout::PAGE_SIZE;
use airox_abi::message::Lease;
use airox_abi::trace::Event;
use airox_abi::{BudgetFlags, Error, Handle, MapFlags, RegionKind, Rights, SystemCall};
use zerocopy::{FromBytes, Immutable, IntoBytes};

/// Arguments 1 to 7.
type Arguments = [u64; 7];
/// Results; trailing zeros where a call has fewer.
type Results = [u64; 4];

const NOTHING: Results = [0; 4];

/// Longest text one `debug_write` takes; keeps the time in the kernel bounded.
const MAX_DEBUG_WRITE: usize = 256;
/// Frames one `region_device` can cover.
const MAX_DEVICE_PAGES: u64 = 1 << 28;
/// Bytes of one piece of a long copy.
const PIECE: u64 = 4096;
/// Bytes of the instruction `syscall`.
const SYSCALL_LENGTH: u64 = 2;
/// Largest weight of a thread.
const MAX_WEIGHT: u64 = airox_abi::time::MAX_WEIGHT as u64;

const fn one(value: u64) -> Results {
    [value, 0, 0, 0]
}

const fn handle(handle: Handle) -> Results {
    one(handle.0 as u64)
}

fn rights(bits: u64) -> Result<Rights> {
    u16::try_from(bits).ok().and_then(Rights::from_bits).ok_or(Error::InvalidArgument)
}

fn priority(value: u64, limit: u8) -> Result<u8> {
    let priority = u8::try_from(value).map_err(|_| Error::InvalidArgument)?;
    if priority <= limit { Ok(priority) } else { Err(Error::MissingRight) }
}

impl<M: Machine> Kernel<M> {
    /// The running thread executed `syscall`; its context holds the arguments. Returns the context to resume.
    #[inline]
    pub fn system_call(&mut self) -> *mut Context {
        let me = self.cpu.current;
        let result = match SystemCall::from_code(self.current().rax) {
            Some(SystemCall::Notify) => self.notify_call(),
            Some(SystemCall::Wait) => self.wait_call(),
            Some(SystemCall::Call) => self.call(),
            Some(SystemCall::ReplyReceive) => self.reply_receive(),
            Some(SystemCall::Receive) => self.receive(),
            Some(call) => self.other_system_call(call),
            None => Err(Error::InvalidSystemCall),
        };
        if let Err(error) = result {
            self.threads[me].context.rax = error as u64;
        }
        self.finish_entry();
        self.current()
    }

    /// `notify`.
    #[inline(always)]
    fn notify_call(&mut self) -> Result<()> {
        let context = self.current();
        let (claim, bits) = (context.rdi, context.words[0]);
        let signal = self.notifiable_signal(claim, bits)?;
        // Before: afterwards another thread may run.
        self.current().rax = 0;
        self.notify_and_switch(signal, bits);
        Ok(())
    }

    /// `wait`.
    fn wait_call(&mut self) -> Result<()> {
        let context = self.current();
        let (claim, mask) = (context.rdi, context.words[0]);
        let signal = self.find(claim, Rights::RECEIVE)?;
        if let Some(bits) = self.wait(signal, mask)? {
            self.current().complete(bits);
        }
        Ok(())
    }

    #[inline(never)]
    fn other_system_call(&mut self, call: SystemCall) -> Result<()> {
        self.system_calls += 1;
        let results = match call {
            SystemCall::ProcessExit => {
                let code = self.arguments()[0] as i64;
                self.doom_process(self.cpu.current_process, code, false);
                None
            }
            SystemCall::ThreadExit => {
                self.exit_thread();
                None
            }
            SystemCall::ThreadYield => {
                // The result first: after the switch another thread is the running one.
                self.current().rax = 0;
                self.rotate();
                None
            }
            SystemCall::HandleClose
            | SystemCall::HandleRevoke
            | SystemCall::RegionInfo
            | SystemCall::RegionMap
            | SystemCall::MemoryMap
            | SystemCall::RegionUnmap
            | SystemCall::LeaseRead
            | SystemCall::LeaseWrite
            | SystemCall::ProcessRead => self.long_call(call)?,
            call => Some(self.simple_call(call)?),
        };
        if let Some([first, others @ ..]) = results {
            let context = self.current();
            (context.rax, context.rdi) = (0, first);
            context.words[..3].copy_from_slice(&others);
        }
        Ok(())
    }

    /// Calls that may take long. Each does a part of its work in one kernel entry; while there is more, it returns `None` and has seen to it that
    /// the thread executes its `syscall` again, with arguments that say what is left. In between, whatever is more urgent runs.
    fn long_call(&mut self, call: SystemCall) -> Result<Option<Results>> {
        let [a, b, c, d, length, done, _] = self.arguments();
        let finished = match call {
            SystemCall::HandleClose => self.close_step(self.find_any(a)?.0),
            SystemCall::HandleRevoke => self.revoke(self.find_any(a)?.0),
            SystemCall::RegionMap | SystemCall::MemoryMap => {
                let me = self.cpu.current;
                let (source, offset, pages, last) = if call == SystemCall::RegionMap {
                    (Source::Capability(self.find_any(a)?.0), d, length, 4)
                } else {
                    (Source::Fresh(self.quota_argument(a, Rights::CONTROL)?), 0, d, 3)
                };
                let process = self.process_argument(b, Rights::CONTROL)?;
                // The upper half of the flags, the last argument, says what is done already.
                let word = self.threads[me].context.words[last];
                let flags = MapFlags::from_bits(word as u32).ok_or(Error::InvalidArgument)?;
                let left = self.map_step(source, Place { process, address: c, offset, pages, flags }, word >> 32)?;
                if let Some(parts) = left {
                    self.threads[me].context.words[last] = parts << 32 | u64::from(flags.bits());
                }
                left.is_none()
            }
            SystemCall::RegionInfo => {
                let (_, &Capability { object: Object::Region(id), rights, .. }) = self.find_any(a)? else {
                    return Err(Error::WrongType);
                };
                if self.zero_some(id) {
                    let Region { pages, kind, base, .. } = self.regions[id];
                    let shown = rights.contains(Rights::DMA) && kind != RegionKind::Lazy;
                    return Ok(Some([pages, kind as u64, base.filter(|_| shown).map_or(0, Frame::address), 0]));
                }
                false
            }
            SystemCall::RegionUnmap => {
                let process = self.process_argument(a, Rights::CONTROL)?;
                let node = self.mapping_at(process, b)?;
                self.close_step(node)
            }
            SystemCall::ProcessRead => {
                let process = self.alive(self.find(a, Rights::DEBUG)?)?;
                let piece = d.min(PIECE);
                self.copy_user((process, b), (self.cpu.current_process, c), piece)?;
                let words = &mut self.threads[self.cpu.current].context.words;
                words[0] = words[0].wrapping_add(piece);
                words[1] = words[1].wrapping_add(piece);
                words[2] -= piece;
                words[2] == 0
            }
            _ => {
                let access = if call == SystemCall::LeaseRead { Lease::READ } else { Lease::WRITE };
                let piece = length.min(PIECE);
                self.lease_copy([a, b, c, d], length, piece, access)?;
                if length <= PIECE {
                    return Ok(Some(one(done.wrapping_add(length))));
                }
                let words = &mut self.threads[self.cpu.current].context.words;
                words[1] = words[1].wrapping_add(piece);
                words[2] = words[2].wrapping_add(piece);
                words[3] -= piece;
                words[4] = done.wrapping_add(piece);
                false
            }
        };
        if finished {
            return Ok(Some(NOTHING));
        }
        self.threads[self.cpu.current].context.ip -= SYSCALL_LENGTH;
        Ok(None)
    }

    /// Closes a handle, or does a part of it.
    fn close_step(&mut self, index: u32) -> bool {
        let ready = !self.is_late() && self.prepare_delete(index) && !self.is_late();
        if ready {
            self.delete_prepared(index);
        }
        ready
    }

    fn arguments(&self) -> Arguments {
        let context = &self.threads[self.cpu.current].context;
        let [a, b, c, d, e, f, ..] = context.words;
        [context.rdi, a, b, c, d, e, f]
    }

    /// The quota a call is about: the named one, or the caller's own.
    fn quota_argument(&self, claim: u64, needed: Rights) -> Result<Id<Quota>> {
        if claim == 0 { Ok(self.processes[self.cpu.current_process].quota) } else { self.find(claim, needed) }
    }

    /// The process a call is about: the named one, or the caller's own.
    fn process_argument(&self, claim: u64, needed: Rights) -> Result<Id<Process>> {
        if claim == 0 { Ok(self.cpu.current_process) } else { self.find(claim, needed) }
    }

    /// As [`Self::process_argument`] with `CONTROL`, alive.
    fn live_process(&self, claim: u64) -> Result<Id<Process>> {
        self.alive(self.process_argument(claim, Rights::CONTROL)?)
    }

    /// The process a handle with `CONTROL` names, alive; 0 is no handle here.
    fn other_process(&self, claim: u64) -> Result<Id<Process>> {
        self.alive(self.find(claim, Rights::CONTROL)?)
    }

    fn alive(&self, process: Id<Process>) -> Result<Id<Process>> {
        if self.processes[process].alive { Ok(process) } else { Err(Error::Dead) }
    }

    /// Frees an object nobody got a handle to.
    fn discard(&mut self, object: Object) {
        match object {
            Object::Process(id) => self.doom_process(id, 0, false),
            Object::Thread(id) => self.kill_thread(id),
            _ => {
                self.retain(object, Rights::empty());
                self.release(object, Rights::empty(), true);
            }
        }
    }

    /// Calls that neither wait nor take long.
    fn simple_call(&mut self, call: SystemCall) -> Result<Results> {
        let [a, b, c, d, ..] = self.arguments();
        let me = self.cpu.current_process;
        match call {
            SystemCall::Null => {}
            SystemCall::Reply => self.reply()?,
            SystemCall::ReplySave => return self.save_reply().map(handle),
            SystemCall::LeaseInfo => return self.lease_info(a, b).map(|(length, access)| [length, access, 0, 0]),
            SystemCall::Poll => {
                let signal = self.find(a, Rights::RECEIVE)?;
                let bits = &mut self.signals[signal].bits;
                let taken = *bits & b;
                *bits &= !b;
                return Ok(one(taken));
            }
            SystemCall::TimerSet => self.set_timer(self.find(a, Rights::RECEIVE)?, b, c),
            SystemCall::PortBind => {
                let port = self.find(a, Rights::RECEIVE)?;
                let signal = if b == 0 { None } else { Some(self.find(b, Rights::RECEIVE)?) };
                self.bind_port(port, signal)?;
            }
            SystemCall::HandleCopy => return self.derive(self.find_any(a)?.0, me, rights(b)?, c).map(handle),
            SystemCall::HandleInfo => {
                let (_, capability) = self.find_any(a)?;
                let kind = capability.object.kind().map_or(0, |kind| kind as u64);
                return Ok([kind, u64::from(capability.rights.bits()), capability.badge, 0]);
            }
            SystemCall::QuotaInfo => {
                let quota = &self.quotas[self.quota_argument(a, Rights::READ)?];
                self.write(b, &[quota.limits, quota.used])?;
            }
            SystemCall::ProcessGrant => {
                let target = self.other_process(a)?;
                return self.derive(self.find_any(b)?.0, target, rights(c)?, d).map(handle);
            }
            SystemCall::ProcessKill => self.doom_process(self.other_process(a)?, b as i64, false),
            SystemCall::ProcessWatch => {
                self.watch_process(self.find(a, Rights::WATCH)?, self.notifiable_signal(b, c)?, c)?;
            }
            SystemCall::ProcessInfo => self.write(b, &self.process_info(self.process_argument(a, Rights::READ)?))?,
            SystemCall::ProcessPriority => {
                let process = self.other_process(a)?;
                self.processes[process].max_priority = priority(b, self.processes[me].max_priority)?;
            }
            SystemCall::ProcessHandles => {
                let process = self.find(a, Rights::READ)?;
                let index = self.next_capability(process, b)?.ok_or(Error::NotMapped)?;
                let capability = self.capabilities.get(index);
                let kind = capability.object.kind().map_or(0, |kind| kind as u64);
                return Ok([
                    u64::from(self.capabilities.handle(index).0),
                    kind << 16 | u64::from(capability.rights.bits()),
                    capability.badge,
                    u64::from(capability.object.number()),
                ]);
            }
            SystemCall::ProcessBudget => {
                let process = self.other_process(a)?;
                self.processes[process].budget = self.budgets.weak(self.find(b, Rights::SEND)?);
            }
            SystemCall::ProcessProcessors => self.restrict_processors(self.other_process(a)?, b)?,
            SystemCall::ThreadStart => self.start_thread(self.live_thread(a)?, b, c, d)?,
            SystemCall::ThreadSuspend => self.suspend_thread(self.live_thread(a)?),
            SystemCall::ThreadResume => self.resume_thread(self.live_thread(a)?)?,
            SystemCall::ThreadPriority => {
                let thread = self.live_thread(a)?;
                self.set_priority(thread, self.allowed_priority(self.threads[thread].process, b)?);
            }
            SystemCall::ThreadWeight => {
                let thread = self.live_thread(a)?;
                if !(1..=MAX_WEIGHT).contains(&b) {
                    return Err(Error::InvalidArgument);
                }
                self.threads[thread].weight = b as u16;
            }
            SystemCall::ThreadInfo => {
                let thread = if a == 0 { self.cpu.current } else { self.find(a, Rights::READ)? };
                self.write(b, &self.thread_info(thread))?;
            }
            SystemCall::ThreadReadRegisters => {
                self.write(b, &self.read_registers(self.find(a, Rights::DEBUG)?)?)?;
            }
            SystemCall::ThreadWriteRegisters => {
                let thread = self.find(a, Rights::WRITE)?;
                let registers = self.read(b)?;
                self.write_registers(thread, &registers)?;
            }
            SystemCall::ThreadProcessor if a == 0 => self.move_thread(self.cpu.current, b)?,
            SystemCall::ThreadProcessor => self.move_thread(self.live_thread(a)?, b)?,
            SystemCall::BudgetSet => self.set_budget(self.find(a, Rights::CONTROL)?, b, c)?,
            SystemCall::BudgetBind => {
                let thread = self.live_thread(a)?;
                let budget = match (b, c) {
                    (0, 0) => Some(self.processes[self.threads[thread].process].budget),
                    (0, 1) => None,
                    (_, 0) => Some(self.budgets.weak(self.find(b, Rights::SEND)?)),
                    _ => return Err(Error::InvalidArgument),
                };
                self.bind_budget(thread, budget);
            }
            SystemCall::BudgetInfo => self.write(b, &self.budget_info(self.find(a, Rights::READ)?))?,
            SystemCall::BudgetWatch => {
                self.watch_budget(self.find(a, Rights::CONTROL)?, self.notifiable_signal(b, c)?, c);
            }
            SystemCall::IrqBind => {
                self.bind_irq(self.find(a, Rights::CONTROL)?, self.notifiable_signal(b, c)?, c);
            }
            SystemCall::IrqAcknowledge => self.acknowledge_irq(self.find(a, Rights::CONTROL)?)?,
            SystemCall::IoPortsBind => {
                let ports = self.find(a, Rights::CONTROL)?;
                self.bind_io_ports(ports, self.live_process(b)?)?;
            }
            SystemCall::DebugWrite => {
                self.check_machine(a, Rights::SEND)?;
                let mut room = [0; MAX_DEBUG_WRITE];
                let text = room.get_mut(..c as usize).ok_or(Error::InvalidArgument)?;
                self.read_user((me, b), text)?;
                self.machine.debug_write(text);
            }
            SystemCall::TraceSet => {
                self.check_machine(a, Rights::CONTROL)?;
                if b > 1 {
                    return Err(Error::InvalidArgument);
                }
                self.tracing = b == 1;
            }
            SystemCall::TraceRead => {
                self.check_machine(a, Rights::READ)?;
                if b >= u64::from(self.processors) {
                    return Err(Error::NoSuchResource);
                }
                let (first, count, events) = self.processor(b as u32).ring.since(c);
                self.write_user((me, d), &events.as_bytes()[..count * size_of::<Event>()])?;
                return Ok([first, count as u64, 0, 0]);
            }
            SystemCall::KernelInfo => {
                self.check_machine(a, Rights::READ)?;
                self.write(b, &self.kernel_info())?;
            }
            _ => return self.creating_call(call),
        }
        Ok(NOTHING)
    }

    /// Calls that make an object and give the running process a handle to it; without room for the handle the object goes again.
    fn creating_call(&mut self, call: SystemCall) -> Result<Results> {
        let [a, b, c, d, e, ..] = self.arguments();
        let me = self.cpu.current_process;
        let own_quota = self.processes[me].quota;
        // For those that take one.
        let quota = self.quota_argument(a, Rights::CONTROL);
        let mut rights = Rights::all();
        let object = match call {
            SystemCall::PortCreate => Object::Port(self.create_port(quota?, b)?),
            SystemCall::SignalCreate => Object::Signal(self.create_signal(quota?)?),
            SystemCall::RegionCreate => {
                let kind = RegionKind::from_code(c).ok_or(Error::InvalidArgument)?;
                rights.set(Rights::DMA, kind == RegionKind::Contiguous);
                Object::Region(self.create_region(quota?, b, kind)?)
            }
            SystemCall::RegionDevice => {
                let window = self.source(a)?;
                if !b.is_multiple_of(PAGE_SIZE) || c == 0 || c > MAX_DEVICE_PAGES {
                    return Err(Error::InvalidArgument);
                }
                let first = Frame::containing(b);
                let within = window.is_none_or(|window| self.regions[window].is_device_over(first, c));
                if b >> 44 != 0 || !within || !self.machine.device_range_allowed(first, c as u32) {
                    return Err(Error::NoSuchResource);
                }
                Object::Region(self.add_object(own_quota, Region::foreign(first, c, RegionKind::Device))?)
            }
            SystemCall::QuotaCreate => {
                let parent = self.find(a, Rights::CONTROL)?;
                let limits = self.read(b)?;
                Object::Quota(self.create_quota(parent, limits)?)
            }
            SystemCall::ProcessCreate => {
                let name = self.read(b)?;
                Object::Process(self.create_process(quota?, name, me)?)
            }
            SystemCall::ThreadCreate => {
                let process = self.live_process(a)?;
                let priority = self.allowed_priority(process, b)?;
                let fault_port = if c == 0 { None } else { Some(self.find_badged(c, Rights::SEND | Rights::COPY)?) };
                let thread = self.create_thread(process, priority)?;
                self.threads[thread].fault_port = fault_port.map(|(port, badge)| (self.ports.weak(port), badge));
                Object::Thread(thread)
            }
            SystemCall::BudgetCreate => {
                let flags = u32::try_from(e).ok().and_then(BudgetFlags::from_bits);
                Object::Budget(self.create_budget(quota?, b, (c, d), flags.ok_or(Error::InvalidArgument)?)?)
            }
            SystemCall::IrqCreate => {
                self.check_machine(a, Rights::CONTROL)?;
                Object::Irq(self.create_irq(own_quota, b)?)
            }
            SystemCall::IoPortsCreate => {
                let source = self.source(a)?;
                Object::IoPorts(self.create_io_ports(own_quota, source, b, c)?)
            }
            // Not asked here: these wait, take long or end the caller.
            _ => return Err(Error::InvalidSystemCall),
        };
        let inserted = self.insert_capability(me, object, rights).inspect_err(|_| self.discard(object));
        inserted.map(|(_, named)| handle(named))
    }

    /// Reads a structure from the running process's memory.
    fn read<T: FromBytes + IntoBytes>(&mut self, address: u64) -> Result<T> {
        let mut value = T::new_zeroed();
        self.read_user((self.cpu.current_process, address), value.as_mut_bytes())?;
        Ok(value)
    }

    /// Writes a structure to the running process's memory.
    fn write(&mut self, address: u64, value: &(impl IntoBytes + Immutable)) -> Result<()> {
        self.write_user((self.cpu.current_process, address), value.as_bytes())
    }

    /// The thread a handle with `CONTROL` names, alive.
    fn live_thread(&self, claim: u64) -> Result<Id<Thread>> {
        let thread = self.find(claim, Rights::CONTROL)?;
        if self.threads[thread].state == State::Dead {
            return Err(Error::Dead);
        }
        Ok(thread)
    }

    /// A priority for a thread of `process`: at most what that process and the caller's may give.
    fn allowed_priority(&self, process: Id<Process>, value: u64) -> Result<u8> {
        let own_limit = self.processes[self.cpu.current_process].max_priority;
        priority(value, self.processes[process].max_priority.min(own_limit))
    }

    /// A signal that the caller may notify with these bits.
    fn notifiable_signal(&self, claim: u64, bits: u64) -> Result<Id<Signal>> {
        let (signal, badge) = self.find_badged(claim, Rights::SEND)?;
        if badge != 0 && bits & !badge != 0 {
            return Err(Error::MissingRight);
        }
        Ok(signal)
    }
}
