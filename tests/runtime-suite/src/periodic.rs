//! Budgets by their typed handles, and periodic threads.

use crate::registry::{Outcome, Test};
use crate::{expect, expect_eq};
use airox_rt::api::Incoming;
use airox_rt::periodic::{Periodic, Timing};
use airox_rt::time::{Duration, Instant, Timer};
use airox_rt::{
    Budget, BudgetFlags, Error, Handle, QuotaKind, Rights, RootBlock, Signal, TypedHandle, server, sys, thread,
};
use airox_rt::{Port, Quota};
use alloc::sync::Arc;
use core::mem::ManuallyDrop;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// This group's tests.
pub static TESTS: &[Test] = &[
    Test { name: "budget_handles", run: budget_handles },
    Test { name: "budget_bounds_a_thread", run: budget_bounds_a_thread },
    Test { name: "passive_server_thread", run: passive_server_thread },
    Test { name: "weights", run: weights },
    Test { name: "periodic_releases_do_not_drift", run: periodic_releases_do_not_drift },
    Test { name: "periodic_overrun_is_skipped_and_told", run: periodic_overrun_is_skipped_and_told },
    Test { name: "periodic_misses_reach_a_supervisor", run: periodic_misses_reach_a_supervisor },
    Test { name: "periodic_execution_is_bounded_by_a_budget", run: periodic_execution_is_bounded_by_a_budget },
];

const MICROSECOND: u64 = 1_000;
const MILLISECOND: u64 = 1_000_000;

fn timing(period: Duration, deadline: Duration) -> Result<Timing, Error> {
    Timing::new(period, deadline).ok_or(Error::InvalidArgument)
}

fn used_time(root: &RootBlock) -> Result<u32, Error> {
    let (_, used) = sys::quota_info(root.quota)?;
    Ok(used.get(QuotaKind::Time))
}

fn nanoseconds(ticks: u64) -> u64 {
    let nanoseconds = u128::from(ticks) * 1_000_000_000;
    (nanoseconds / u128::from(sys::clock::ticks_per_second())) as u64
}

/// Keeps the processor busy until then, without pauses: each takes an emulator long.
fn spin_until(end: Instant) {
    while Instant::now() < end {}
}

fn budget_handles(root: &RootBlock) -> Outcome {
    let before = used_time(root)?;
    let budget = Budget::create(2 * MILLISECOND, 10 * MILLISECOND)?;
    expect_eq!(used_time(root)? - before, 200_000);
    let info = budget.budget_info()?;
    expect_eq!((info.processor, info.budget_ns, info.period_ns), (0, 2 * MILLISECOND, 10 * MILLISECOND));
    expect_eq!((info.used_ticks, info.overruns), (0, 0));
    budget.set(MILLISECOND, 20 * MILLISECOND)?;
    expect_eq!(used_time(root)? - before, 50_000);
    let reader = budget.copy(Rights::READ)?;
    expect_eq!(reader.budget_info()?.period_ns, 20 * MILLISECOND);
    expect_eq!(reader.set(MILLISECOND, MILLISECOND), Err(Error::MissingRight));
    drop(reader);
    drop(budget);
    expect_eq!(used_time(root)?, before);

    let too_much = Budget::create(11 * MILLISECOND, 10 * MILLISECOND).map(drop);
    expect_eq!(too_much, Err(Error::InvalidArgument));
    let quota = ManuallyDrop::new(Quota::from_raw(root.quota));
    let flags = BudgetFlags::empty();
    let nowhere = Budget::create_on(Some(&quota), 999, MILLISECOND, MILLISECOND, flags).map(drop);
    expect_eq!(nowhere, Err(Error::NoSuchResource));
    // No more time is promised than there is.
    let all = Budget::create(6 * MILLISECOND, 10 * MILLISECOND)?;
    let more = Budget::create(5 * MILLISECOND, 10 * MILLISECOND).map(drop);
    expect_eq!(more, Err(Error::QuotaExceeded));
    drop(all);
    Ok(())
}

fn budget_bounds_a_thread(_root: &RootBlock) -> Outcome {
    let budget = Budget::create(MILLISECOND, 5 * MILLISECOND)?;
    let overrun = Signal::create()?;
    budget.watch(&overrun, 0b10)?;
    let stop = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&stop);
    let before = Instant::now();
    let spinner = thread::Builder::default().budget(&budget).spawn(move || {
        while !seen.load(Ordering::Relaxed) {
            core::hint::black_box(());
        }
    })?;
    expect_eq!(overrun.wait(0b11)?, 0b10);
    Timer::new()?.sleep_until(before + Duration::from_millis(40))?;
    let elapsed = before.elapsed().as_nanos() as u64;
    let info = budget.budget_info()?;
    stop.store(true, Ordering::Relaxed);
    spinner.join()?;
    let used = nanoseconds(info.used_ticks);
    // One full budget in each period begun, and one more as a period may end anywhere.
    let most = (elapsed / (5 * MILLISECOND) + 2) * MILLISECOND;
    expect!(used >= 2 * MILLISECOND);
    expect!(used <= most);
    expect!(info.overruns >= 2);
    Ok(())
}

/// Counts the requests of a server thread; a request of its second kind ends it.
struct Counting {
    count: Arc<AtomicU64>,
    port: Port,
}

const COUNT: u16 = 0;
const STOP: u16 = 1;

impl server::Handler for Counting {
    fn request(&mut self, message: &mut server::KernelMessage) -> airox_rt::api::Outcome {
        if message.tag().label() == STOP {
            // Taking back the loop's own handle ends receiving; then the port's last receiver goes with this one.
            let _no_handle_is_left = self.port.revoke();
        }
        self.count.fetch_add(1, Ordering::Relaxed);
        airox_rt::api::Outcome::Reply(airox_rt::api::ReplyMessage::default())
    }
}

fn passive_server_thread(_root: &RootBlock) -> Outcome {
    let port = Port::create(0)?;
    let client = port.copy(Rights::all())?;
    let count = Arc::new(AtomicU64::new(0));
    let counted = Arc::clone(&count);
    let serving = thread::Builder::default().passive().spawn(move || {
        let served = port.copy(Rights::RECEIVE)?;
        let count = counted;
        server::Server::new(served).run(Counting { count, port })
    })?;
    let call = |port: &Port, kind| sys::call(port.raw(), sys::Tag::new(kind), [0; sys::WORDS]).map(drop);
    for _ in 0..10 {
        call(&client, COUNT)?;
    }
    // It runs on a client's small budget, too.
    let budget = Budget::create(MILLISECOND / 5, MILLISECOND)?;
    let own = client.copy(Rights::SEND)?;
    let caller =
        thread::Builder::default().budget(&budget).spawn(move || (0..200).try_for_each(|_| call(&own, COUNT)))?;
    caller.join()??;
    expect_eq!(count.load(Ordering::Relaxed), 210);
    expect!(budget.budget_info()?.used_ticks > 0);
    // With a budget of its own again it can run to its end.
    serving.thread().use_process_budget()?;
    let _server_died = call(&client, STOP);
    expect!(serving.join()?.is_err());
    Ok(())
}

fn weights(_root: &RootBlock) -> Outcome {
    let refused = thread::Builder::default().weight(0).spawn(|| ());
    expect_eq!(refused.map(drop), Err(Error::InvalidArgument));
    let own = sys::thread_info(Handle::NONE)?.priority;
    let stop = Arc::new(AtomicBool::new(false));
    let spinning = |weight| {
        let seen = Arc::clone(&stop);
        thread::Builder::default().priority(own - 1).weight(weight).spawn(move || {
            while !seen.load(Ordering::Relaxed) {
                core::hint::black_box(());
            }
        })
    };
    let (light, heavy) = (spinning(10)?, spinning(30)?);
    Timer::new()?.sleep(Duration::from_millis(120))?;
    let light_ticks = light.thread().thread_info()?.cpu_ticks;
    let heavy_ticks = heavy.thread().thread_info()?.cpu_ticks;
    stop.store(true, Ordering::Relaxed);
    light.join()?;
    heavy.join()?;
    // Three to one, and a turn may be cut anywhere.
    expect!(heavy_ticks > 2 * light_ticks);
    expect!(heavy_ticks < 4 * light_ticks);
    Ok(())
}

fn periodic_releases_do_not_drift(_root: &RootBlock) -> Outcome {
    let period = Duration::from_millis(2);
    let first = Instant::now() + Duration::from_millis(3);
    let mut periodic = Periodic::starting(timing(period, period)?, first)?;
    let mut number = 0;
    for _ in 0..20 {
        let release = periodic.wait()?;
        expect!(release.number >= number);
        number = release.number;
        expect_eq!(release.time, first + period * number as u32);
        expect_eq!(release.deadline, release.time + period);
        expect!(Instant::now() >= release.time);
        spin_until(Instant::now() + Duration::from_micros(300));
    }
    periodic.complete()?;
    periodic.complete()?;
    let statistics = periodic.statistics();
    expect_eq!(statistics.jobs, 20);
    expect_eq!(statistics.execution.count(), 20);
    expect!(statistics.execution.least() >= Duration::from_micros(299));
    expect!(statistics.response.least() >= statistics.execution.least());
    expect!(statistics.lateness.least() > Duration::ZERO);
    periodic.forget();
    expect_eq!(periodic.statistics().jobs, 0);
    Ok(())
}

fn periodic_overrun_is_skipped_and_told(_root: &RootBlock) -> Outcome {
    let period = Duration::from_millis(20);
    let mut periodic = Periodic::new(timing(period, Duration::from_millis(10))?)?;
    let first = periodic.wait()?;
    expect_eq!((first.number, first.missed, first.skipped), (0, false, 0));
    // The deadlines of releases 1 and 2 pass meanwhile, that of release 3 does not.
    spin_until(first.time + Duration::from_millis(55));
    let next = periodic.wait()?;
    expect_eq!((next.number, next.missed, next.skipped), (3, true, 2));
    expect_eq!(next.time, first.time + period * 3);
    let after = periodic.wait()?;
    expect_eq!((after.number, after.missed, after.skipped), (4, false, 0));
    let statistics = periodic.statistics();
    expect_eq!((statistics.misses, statistics.overruns, statistics.skipped), (1, 1, 2));
    Ok(())
}

fn periodic_misses_reach_a_supervisor(_root: &RootBlock) -> Outcome {
    let alarm = Signal::create()?;
    let period = Duration::from_millis(20);
    let mut periodic = Periodic::new(timing(period, Duration::from_millis(10))?)?;
    periodic.watch_deadlines(alarm.copy(Rights::RECEIVE)?, 0b100);
    // In time: the alarm is disarmed, also while the thread does other things.
    let release = periodic.wait()?;
    periodic.complete()?;
    spin_until(release.deadline + Duration::from_millis(1));
    expect_eq!(alarm.poll(u64::MAX)?, 0);
    // A job that hangs is told at its deadline, while it hangs.
    let release = periodic.wait()?;
    let own = sys::thread_info(Handle::NONE)?.priority;
    let supervisor = thread::Builder::default()
        .priority(own)
        .spawn(move || alarm.wait(u64::MAX).map(|bits| (bits, Instant::now())))?;
    spin_until(release.deadline + Duration::from_millis(25));
    let (bits, told) = supervisor.join()??;
    expect_eq!(bits, 0b100);
    expect!(told >= release.deadline);
    periodic.complete()?;
    expect_eq!(periodic.statistics().misses, 1);
    Ok(())
}

fn periodic_execution_is_bounded_by_a_budget(_root: &RootBlock) -> Outcome {
    let budget = Budget::create(2 * MILLISECOND, 10 * MILLISECOND)?;
    let job = move || -> Result<_, Error> {
        let period = Duration::from_millis(10);
        let timing = Timing::new(period, period).ok_or(Error::InvalidArgument)?;
        let mut periodic = Periodic::new(timing)?;
        for round in 0..6 {
            let release = periodic.wait()?;
            // The third job wants more than it has and so goes on in the next period.
            let wanted = if round == 2 { 3000 } else { 300 } * MICROSECOND;
            let mut done = 0;
            let mut last = Instant::now();
            while done < wanted {
                let now = Instant::now();
                // Time in which the thread did not run does not count.
                done += ((now - last).as_nanos() as u64).min(MILLISECOND / 10);
                last = now;
            }
            if round > 3 {
                expect_in_time(release.missed)?;
            }
        }
        periodic.complete()?;
        Ok(periodic.statistics().clone())
    };
    let statistics = thread::Builder::default().budget(&budget).spawn(job)?.join()??;
    expect_eq!((statistics.jobs, statistics.misses), (6, 1));
    expect!(statistics.execution.most() >= Duration::from_micros(2500));
    expect!(budget.budget_info()?.overruns >= 1);
    Ok(())
}

fn expect_in_time(missed: bool) -> Result<(), Error> {
    if missed { Err(Error::Dead) } else { Ok(()) }
}
