//! Budgets as objects: arguments, quotas, exhaustion, sharing, changes and loss.

use super::model::{Child, System};
use airox_abi::fault::{FaultAction, FaultKind};
use airox_abi::message::{MessageKind, Tag};
use airox_abi::{Error, QuotaKind, Rights, SystemCall as Call};

const MS: u64 = 1_000_000;

fn ticks(system: &System, child: &Child) -> u64 {
    system.kernel.thread_info(child.thread).cpu_ticks
}

/// A child that runs on a budget of the root's.
fn on_budget(system: &mut System, priority: u8, budget: u64) -> Child {
    let child = system.spawn(priority, 0);
    system.ok(Call::BudgetBind, &[child.thread_handle, budget, 0]);
    child
}

fn near(value: u64, wanted: u64, slack: u64) {
    assert!(value.abs_diff(wanted) <= slack, "{value}, not about {wanted}");
}

#[test]
fn arguments_out_of_range_are_refused() {
    let mut system = System::boot();
    let before = system.counts();
    for (processor, budget, period, flags, error) in [
        (0, 4_999, MS, 0, Error::InvalidArgument),
        (0, 0, MS, 0, Error::InvalidArgument),
        (0, 5_000, 49_999, 0, Error::InvalidArgument),
        (0, MS + 1, MS, 0, Error::InvalidArgument),
        (0, MS, 3_600_000_000_001, 0, Error::InvalidArgument),
        (0, u64::MAX, u64::MAX, 0, Error::InvalidArgument),
        (0, MS, 2 * MS, 2, Error::InvalidArgument),
        (0, MS, 2 * MS, 1 << 32, Error::InvalidArgument),
        (1, MS, 2 * MS, 0, Error::NoSuchResource),
        (u64::MAX, MS, 2 * MS, 0, Error::NoSuchResource),
        (1 << 32, MS, 2 * MS, 0, Error::NoSuchResource),
    ] {
        let arguments = [0, processor, budget, period, flags];
        assert_eq!(system.err(Call::BudgetCreate, &arguments), error);
    }
    assert_eq!(system.counts(), before);
    let budget = system.ok(Call::BudgetCreate, &[0, 0, 5_000, 50_000, 1]);
    for (length, period) in [(4_999, MS), (MS + 1, MS), (MS, 3_600_000_000_001)] {
        let refused = system.err(Call::BudgetSet, &[budget, length, period]);
        assert_eq!(refused, Error::InvalidArgument);
    }
    assert_eq!(system.budget_info(budget).budget_ns, 5_000);
    system.ok(Call::BudgetSet, &[budget, 3_600_000_000_000, 3_600_000_000_000]);
}

#[test]
fn the_quota_is_charged_what_is_promised_and_gets_it_back() {
    let mut system = System::boot();
    let used = |system: &System| system.counts().get(QuotaKind::Time);
    let budget = system.budget(MS, 3 * MS);
    assert_eq!(used(&system), 333_334, "rounded up");
    system.ok(Call::BudgetSet, &[budget, MS, 2 * MS]);
    assert_eq!(used(&system), 500_000);
    let other = system.budget(MS, 2 * MS);
    assert_eq!(system.err(Call::BudgetCreate, &[0, 0, 5_000, MS, 0]), Error::QuotaExceeded);
    assert_eq!(system.err(Call::BudgetSet, &[budget, 2 * MS, 3 * MS]), Error::QuotaExceeded);
    assert_eq!(system.budget_info(budget).period_ns, 2 * MS, "unchanged");
    system.ok(Call::BudgetSet, &[other, MS, 10 * MS]);
    assert_eq!(used(&system), 600_000);
    for budget in [budget, other] {
        system.ok(Call::HandleClose, &[budget]);
    }
    assert_eq!(used(&system), 0);
}

#[test]
fn a_hog_gets_its_budget_and_a_less_urgent_thread_the_rest() {
    let mut system = System::boot();
    let budget = system.budget(MS, 10 * MS);
    let hog = on_budget(&mut system, 20, budget);
    let other = system.spawn(10, 0);
    system.root_sleeps();
    system.pass(100 * MS);
    system.wake_root();
    near(ticks(&system, &hog), 10 * MS, MS);
    near(ticks(&system, &other), 90 * MS, MS);
    let info = system.budget_info(budget);
    near(info.used_ticks, ticks(&system, &hog), 100);
    near(info.overruns, 10, 1);
}

#[test]
fn threads_that_share_a_budget_all_get_some_of_it() {
    for count in 2..6 {
        let mut system = System::boot();
        let budget = system.budget(MS, 10 * MS);
        let hogs: Vec<Child> = (0..count).map(|_| on_budget(&mut system, 20, budget)).collect();
        system.root_sleeps();
        system.pass(count * 40 * MS);
        system.wake_root();
        let shares: Vec<u64> = hogs.iter().map(|hog| ticks(&system, hog)).collect();
        near(shares.iter().sum(), count * 4 * MS, MS);
        for &share in &shares {
            assert!(share > 2 * MS, "of {count}: {shares:?}");
        }
    }
}

#[test]
fn running_out_can_be_a_fault() {
    let mut system = System::boot();
    let port = system.ok(Call::PortCreate, &[0, 0]);
    let budget = system.ok(Call::BudgetCreate, &[0, 0, MS, 100 * MS, 1]);
    let child = system.spawn(20, port);
    system.ok(Call::BudgetBind, &[child.thread_handle, budget, 0]);
    for round in 1..4 {
        system.raw(Call::Receive as u64, &[port], Tag(0), 0);
        system.running(child.thread);
        system.pass(2 * MS);
        system.running(system.root);
        let tag = system.context(system.root).tag;
        assert_eq!(tag.kind(), MessageKind::Fault);
        assert_eq!(tag.label(), FaultKind::OutOfTime as u16);
        near(ticks(&system, &child), round * MS, 1000);
        // More time at once, and it goes on.
        system.ok(Call::BudgetSet, &[budget, (round + 1) * MS, 100 * MS]);
        let resume = Tag::new(FaultAction::Resume as u16);
        system.raw(Call::Reply as u64, &[0], resume, 0);
    }
    assert_eq!(system.budget_info(budget).overruns, 3);
}

#[test]
fn without_a_fault_port_running_out_ends_the_process() {
    let mut system = System::boot();
    let budget = system.ok(Call::BudgetCreate, &[0, 0, MS, 100 * MS, 1]);
    let child = on_budget(&mut system, 20, budget);
    system.root_sleeps();
    system.pass(2 * MS);
    assert!(!system.kernel.processes[child.process].alive);
    assert!(system.kernel.is_idle());
}

#[test]
fn a_watcher_learns_of_every_overrun() {
    let mut system = System::boot();
    let budget = system.budget(MS, 10 * MS);
    let hog = on_budget(&mut system, 20, budget);
    let signal = system.ok(Call::SignalCreate, &[0]);
    let badged = system.ok(Call::HandleCopy, &[signal, u64::from(Rights::all().bits()), 6]);
    let refused = system.err(Call::BudgetWatch, &[budget, badged, 1]);
    assert_eq!(refused, Error::MissingRight);
    system.ok(Call::BudgetWatch, &[budget, badged, 4]);
    for round in 1..5 {
        system.raw(Call::Wait as u64, &[signal, u64::MAX], Tag(0), 0);
        system.running(hog.thread);
        system.pass(10 * MS);
        system.running(system.root);
        assert_eq!(system.result(system.root), Ok(4));
        assert_eq!(system.budget_info(budget).overruns, round);
    }
}

#[test]
fn a_change_takes_effect_while_its_thread_runs() {
    let mut system = System::boot();
    let budget = system.budget(5 * MS, 10 * MS);
    let hog = on_budget(&mut system, 20, budget);
    system.root_sleeps();
    system.pass(2 * MS);
    system.wake_root();
    // What is used of the present period stays used: nothing is left.
    system.ok(Call::BudgetSet, &[budget, MS, 10 * MS]);
    assert_eq!(system.budget_info(budget).available_ticks, 0);
    system.root_sleeps();
    assert!(system.kernel.is_idle());
    system.pass(4 * MS);
    assert!(system.kernel.is_idle());
    system.wake_root();
    // More of it: at once.
    system.ok(Call::BudgetSet, &[budget, 9 * MS, 10 * MS]);
    system.root_sleeps();
    system.running(hog.thread);
    near(ticks(&system, &hog), 2 * MS, 1000);
}

#[test]
fn a_shorter_period_is_not_held_up_by_the_old_one() {
    let mut system = System::boot();
    let budget = system.budget(5_000 * MS, 3_600_000 * MS);
    let hog = on_budget(&mut system, 20, budget);
    system.root_sleeps();
    system.pass(6_000 * MS);
    assert!(system.kernel.is_idle());
    system.wake_root();
    system.ok(Call::BudgetSet, &[budget, MS, 10 * MS]);
    let before = ticks(&system, &hog);
    system.root_sleeps();
    system.pass(100 * MS);
    near(ticks(&system, &hog) - before, 10 * MS, MS);
}

#[test]
fn a_lost_budget_stops_its_threads_wherever_they_are() {
    // Running when the root preempts it, parked, or waiting.
    for (case, wait) in [(MS / 2, false), (5 * MS, false), (MS / 2, true)] {
        let mut system = System::boot();
        let budget = system.budget(MS, 10 * MS);
        let child = on_budget(&mut system, 20, budget);
        let signal = system.ok(Call::SignalCreate, &[0]);
        let theirs = system.grant(&child, signal, Rights::all(), 0);
        system.root_sleeps();
        system.pass(case);
        if wait {
            system.raw(Call::Wait as u64, &[theirs, 1], Tag(0), 0);
        }
        system.wake_root();
        let used = ticks(&system, &child);
        let copy = system.ok(Call::HandleCopy, &[budget, u64::from(Rights::all().bits()), 0]);
        system.ok(Call::HandleRevoke, &[budget]);
        assert_eq!(system.err(Call::BudgetInfo, &[copy, 0x2000_0000]), Error::InvalidHandle);
        system.ok(Call::HandleClose, &[budget]);
        assert_eq!(system.counts().get(QuotaKind::Time), 0);
        system.ok(Call::Notify, &[signal, 1]);
        system.root_sleeps();
        system.pass(50 * MS);
        assert!(system.kernel.is_idle());
        assert_eq!(ticks(&system, &child), used);
        system.wake_root();
        let other = system.budget(MS, 10 * MS);
        system.ok(Call::BudgetBind, &[child.thread_handle, other, 0]);
        system.root_sleeps();
        system.running(child.thread);
        system.pass(50 * MS);
        near(ticks(&system, &child) - used, 5 * MS, MS);
    }
}

#[test]
fn its_own_budget_closed_by_the_running_thread_stops_it() {
    let mut system = System::boot();
    let budget = system.budget(MS, 10 * MS);
    let child = on_budget(&mut system, 20, budget);
    let theirs = system.grant(&child, budget, Rights::all(), 0);
    system.ok(Call::HandleClose, &[budget]);
    system.root_sleeps();
    system.running(child.thread);
    system.raw(Call::HandleClose as u64, &[theirs], Tag(0), 0);
    assert!(system.kernel.is_idle());
}

#[test]
fn a_thread_made_passive_can_be_given_time_again() {
    let mut system = System::boot();
    let (first, second) = (system.budget(MS, 10 * MS), system.budget(MS, 10 * MS));
    let child = on_budget(&mut system, 20, first);
    system.ok(Call::BudgetBind, &[child.thread_handle, 0, 1]);
    system.root_sleeps();
    system.running(child.thread);
    system.wake_root();
    // It runs on the second from now on, not when it next receives.
    system.ok(Call::BudgetBind, &[child.thread_handle, second, 0]);
    system.ok(Call::HandleClose, &[first]);
    system.root_sleeps();
    system.running(child.thread);
    system.pass(50 * MS);
    near(system.budget_info(second).used_ticks, 5 * MS, MS);
}

#[test]
fn a_budget_is_inherited_by_threads_and_processes() {
    let mut system = System::boot();
    let budget = system.budget(MS, 10 * MS);
    let child = system.spawn(20, 0);
    system.ok(Call::ProcessBudget, &[child.process_handle, budget]);
    let process = &system.kernel.processes[child.process];
    let (own, inherited) = (system.kernel.threads[child.thread].budget, process.budget);
    assert!(own != inherited, "only threads made from now on");
    let thread = system.ok(Call::ThreadCreate, &[child.process_handle, 5, 0]);
    let found = system.kernel.capabilities.find(system.root_process, thread);
    let crate::object::Object::Thread(id) = found.unwrap().1.object else { panic!() };
    assert_eq!(system.kernel.threads[id].budget, inherited);
    let quota = system.grant(&child, child.quota_handle, Rights::all(), 0);
    system.root_sleeps();
    system.running(child.thread);
    let grandchild = system.ok(Call::ProcessCreate, &[quota, 0x2000_0000]);
    let found = system.kernel.capabilities.find(child.process, grandchild);
    let crate::object::Object::Process(id) = found.unwrap().1.object else { panic!() };
    assert_eq!(system.kernel.processes[id].budget, inherited);
}

#[test]
fn dead_threads_take_neither_budget_nor_weight() {
    let mut system = System::boot();
    let budget = system.budget(MS, 10 * MS);
    let child = system.spawn(20, 0);
    for weight in [0, 10_001, 1 << 16 | 100, u64::MAX] {
        assert_eq!(system.err(Call::ThreadWeight, &[child.thread_handle, weight]), Error::InvalidArgument);
    }
    system.ok(Call::ProcessKill, &[child.process_handle, 0]);
    for (call, argument) in [(Call::BudgetBind, budget), (Call::BudgetBind, 0), (Call::ThreadWeight, 100)] {
        assert_eq!(system.err(call, &[child.thread_handle, argument, 0]), Error::Dead);
    }
}

#[test]
fn weights_divide_the_time_among_equals() {
    let mut system = System::boot();
    let [light, heavy] = [0; 2].map(|_| system.spawn(10, 0));
    system.ok(Call::ThreadWeight, &[heavy.thread_handle, 300]);
    system.root_sleeps();
    system.pass(400 * MS);
    near(ticks(&system, &light), 100 * MS, 10 * MS);
    near(ticks(&system, &heavy), 300 * MS, 30 * MS);
}

#[test]
fn time_used_beyond_the_budget_is_paid_back() {
    let mut system = System::boot();
    let budget = system.budget(MS, 10 * MS);
    let hog = on_budget(&mut system, 20, budget);
    system.root_sleeps();
    system.running(hog.thread);
    // The interrupt comes 4 ms late: a long kernel entry.
    let now = system.kernel.machine().time.get();
    system.kernel.machine().time.set(now + 5 * MS);
    system.kernel.timer();
    system.pass(195 * MS);
    near(ticks(&system, &hog), 20 * MS, 2 * MS);
}

/// Others preempt the thread just before, at and just after the end of its budget.
#[test]
fn no_budget_runs_out_in_silence() {
    for early in (0..3_000).step_by(7).chain(1_990..2_010) {
        let mut system = System::boot();
        let budget = system.budget(MS, 10 * MS);
        let hog = on_budget(&mut system, 20, budget);
        let (urgent, signal) = (system.spawn(30, 0), system.ok(Call::SignalCreate, &[0]));
        let theirs = system.grant(&urgent, signal, Rights::all(), 0);
        system.root_sleeps();
        system.running(urgent.thread);
        let wake = system.kernel.machine().time.get() + MS + 1_000 - early;
        system.ok(Call::TimerSet, &[theirs, wake, 1]);
        system.raw(Call::Wait as u64, &[theirs, 1], Tag(0), 0);
        system.running(hog.thread);
        system.pass(5 * MS);
        system.running(urgent.thread);
        system.raw(Call::Wait as u64, &[theirs, 1], Tag(0), 0);
        system.pass(3 * MS);
        assert!(system.kernel.is_idle());
        assert_eq!(system.budget_info(budget).overruns, 1, "{early}");
    }
}
