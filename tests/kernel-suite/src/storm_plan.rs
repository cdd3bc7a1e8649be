//! Which system call the storm makes next: a mix of plausible and entirely random arguments.
//!
//! A storm of pure noise only ever tests the first check of each call. So most arguments are taken from
//! what the caller really has (its handles, its memory, small numbers, valid flags), and each of them may
//! be replaced by an edge of its range or by noise.

use airox_abi::layout::{CLOCK_PAGE, PAGE_SIZE, USER_END, USER_START};
use airox_abi::message::{Extension, HandleTransfer, Lease, Tag};
use airox_abi::{Handle, SystemCall};

use crate::random::Random;
use crate::registers::EntryRegisters;

/// What the caller has to play with.
#[derive(Clone, Copy, Debug)]
pub struct Pool<'a> {
    /// Handles it was given or made; 0 for an empty place.
    pub handles: &'a [u32],
    /// Those among them that name threads and budgets.
    pub threads: &'a [u32],
    /// See `threads`.
    pub budgets: &'a [u32],
    /// How many processors there are.
    pub processors: u64,
    /// First address of memory it may scribble on.
    pub scratch: u64,
    /// Bytes there.
    pub scratch_length: u64,
    /// Addresses where nothing is mapped at first, for `region_map`; two pages each.
    pub windows: &'a [u64],
}

/// Addresses at the edges of what is allowed.
const EDGES: &[u64] = &[
    0,
    1,
    0x10,
    USER_START - 1,
    USER_START,
    CLOCK_PAGE,
    CLOCK_PAGE + PAGE_SIZE - 4,
    USER_END - PAGE_SIZE,
    USER_END - 1,
    USER_END,
    0x7fff_ffff_ffff,
    0x8000_0000_0000,
    0xffff_7fff_ffff_ffff,
    0xffff_8000_0000_0000,
    0xffff_ffff_8000_0000,
    u64::MAX - 4095,
    u64::MAX,
];

/// Numbers at the edges of some argument's range.
const NUMBERS: &[u64] = &[
    0,
    1,
    2,
    3,
    4,
    5,
    7,
    8,
    9,
    15,
    16,
    31,
    32,
    63,
    64,
    100,
    127,
    128,
    254,
    255,
    256,
    4095,
    4096,
    4097,
    0x7fff,
    0x8000,
    0xffff,
    0x1_0000,
    0xf_ffff,
    0x10_0000,
    1 << 22,
    (1 << 22) + 1,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x1_0000_0000,
    1 << 52,
    1 << 63,
    u64::MAX - 1,
    u64::MAX,
];

/// Plausible budgets and periods, in ns: short enough that a storm sees them end.
const TIMES: &[u64] = &[5_000, 20_000, 50_000, 200_000, 1_000_000, 2_000_000];

/// The next call: its registers, and the extension it may point to.
#[must_use]
pub fn next(random: &mut Random, pool: &Pool<'_>) -> (EntryRegisters, Extension) {
    let mut registers = EntryRegisters {
        rax: number(random),
        rdi: if random.below(8) == 0 { argument(random, pool) } else { handle(random, pool) },
        ..EntryRegisters::default()
    };
    for word in &mut registers.words {
        *word = argument(random, pool);
    }
    if random.below(4) != 0 {
        about_time(random, pool, &mut registers);
    }
    let extension = extension(random, pool);
    registers.tag = match random.below(4) {
        0 => random.next(),
        1 => 0,
        _ => {
            Tag::new(random.next() as u16)
                .with_handles(random.below(5) as usize)
                .with_leases(random.below(5) as usize)
                .0
        }
    };
    // In half of the calls the caller puts its extension here and points to it.
    registers.extension = match random.below(4) {
        0 => address(random, pool),
        1 => 0,
        _ => pool.scratch,
    };
    (registers, extension)
}

/// Calls about time and processors have so many arguments to be right that chance alone would not find them: likely ones.
fn about_time(random: &mut Random, pool: &Pool<'_>, registers: &mut EntryRegisters) {
    let Some(call) = SystemCall::from_code(registers.rax) else {
        return;
    };
    let thread = u64::from(random.pick(pool.threads, 0));
    let budget = u64::from(random.pick(pool.budgets, 0));
    let (length, period) = (random.pick(TIMES, 0), random.pick(TIMES, 0));
    let (first, others) = match call {
        SystemCall::BudgetCreate => (0, [random.below(pool.processors), length, period, random.below(2)]),
        SystemCall::BudgetSet => (budget, [length, period, 0, 0]),
        SystemCall::BudgetBind => {
            let own = [budget, budget, 0, 0][random.below(4) as usize];
            let passive = u64::from(own == 0) & random.below(2);
            (thread, [own, passive, 0, 0])
        }
        SystemCall::BudgetWatch => (budget, [handle(random, pool), 1, 0, 0]),
        SystemCall::ProcessBudget => (handle(random, pool), [budget, 0, 0, 0]),
        SystemCall::ThreadProcessor => (thread, [random.below(pool.processors), 0, 0, 0]),
        SystemCall::ProcessProcessors => (handle(random, pool), [random.below(1 << pool.processors), 0, 0, 0]),
        SystemCall::ThreadWeight => (thread, [1 + random.below(400), 0, 0, 0]),
        _ => return,
    };
    registers.rdi = first;
    registers.words[..4].copy_from_slice(&others);
}

/// Mostly real calls. The two that end the caller are rare, or nothing else would be tested.
fn number(random: &mut Random) -> u64 {
    if random.below(64) == 0 {
        return random.next() >> random.below(64);
    }
    let call = random.pick(SystemCall::ALL, SystemCall::Null);
    let ends_caller = matches!(call, SystemCall::ProcessExit | SystemCall::ThreadExit);
    if ends_caller && random.below(32) != 0 {
        return SystemCall::Null as u64;
    }
    call as u64
}

fn handle(random: &mut Random, pool: &Pool<'_>) -> u64 {
    let known = u64::from(random.pick(pool.handles, 0));
    match random.below(16) {
        // A forged generation, a neighbouring index, noise above the 32 bits of a handle.
        0 => known ^ (1 << (Handle::INDEX_BITS + random.below(12) as u32)),
        1 => known ^ (1 << random.below(20)),
        2 => known | (random.next() << 32),
        3 => random.next(),
        4 => 0,
        _ => known,
    }
}

fn address(random: &mut Random, pool: &Pool<'_>) -> u64 {
    match random.below(8) {
        0 => random.pick(EDGES, 0),
        1 => random.next(),
        // Straddles the end of the scratch memory.
        2 => pool.scratch + pool.scratch_length - random.below(64),
        3 => random.pick(pool.windows, 0) + random.below(2) * PAGE_SIZE,
        _ => pool.scratch + random.below(pool.scratch_length),
    }
}

fn argument(random: &mut Random, pool: &Pool<'_>) -> u64 {
    match random.below(10) {
        0 => random.next(),
        1 => random.next() >> random.below(64),
        2 | 3 => handle(random, pool),
        4 | 5 => address(random, pool),
        6 => random.pick(pool.windows, 0),
        7 => random.below(8),
        _ => random.pick(NUMBERS, 0),
    }
}

fn extension(random: &mut Random, pool: &Pool<'_>) -> Extension {
    let mut extension = Extension::default();
    for transfer in &mut extension.handles {
        *transfer = HandleTransfer {
            handle: Handle(handle(random, pool) as u32),
            rights: random.next() as u16,
            reserved: u16::from(random.below(32) == 0),
            badge: if random.below(4) == 0 { random.next() } else { 0 },
        };
    }
    for lease in &mut extension.leases {
        *lease = Lease {
            address: address(random, pool),
            length: if random.below(4) == 0 { random.pick(NUMBERS, 0) } else { random.below(8192) },
            access: random.below(4) | if random.below(32) == 0 { random.next() } else { 0 },
        };
    }
    extension
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    const POOL: Pool<'static> = Pool {
        handles: &[0x10_0001, 0x10_0002, 0, 0x10_0005],
        threads: &[0x10_0002],
        budgets: &[0x10_0005],
        processors: 4,
        scratch: 0x2000_0000,
        scratch_length: 0x4000,
        windows: &[0x3000_0000, 0x3000_4000],
    };

    #[test]
    fn a_seed_repeats_its_storm() {
        let (mut first, mut second) = (Random::new(3), Random::new(3));
        for _ in 0..1000 {
            assert_eq!(next(&mut first, &POOL).0, next(&mut second, &POOL).0);
        }
    }

    #[test]
    fn every_call_is_made_and_some_that_do_not_exist() {
        let mut random = Random::new(1);
        let mut seen = BTreeSet::new();
        for _ in 0..20_000 {
            seen.insert(next(&mut random, &POOL).0.rax);
        }
        for call in SystemCall::ALL {
            assert!(seen.contains(&(*call as u64)), "{} was never tried", call.text());
        }
        assert!(seen.iter().any(|number| SystemCall::from_code(*number).is_none()));
    }

    #[test]
    fn many_calls_are_plausible() {
        let mut random = Random::new(2);
        let known = (0..1000).filter(|_| POOL.handles.contains(&(next(&mut random, &POOL).0.rdi as u32))).count();
        assert!(known > 400, "only {known} of 1000 calls name a handle the caller has");
    }

    #[test]
    fn threads_are_bound_to_budgets_and_made_passive() {
        let mut random = Random::new(4);
        let binds: BTreeSet<(u64, u64, u64)> = (0..20_000)
            .map(|_| next(&mut random, &POOL).0)
            .filter(|registers| registers.rax == SystemCall::BudgetBind as u64)
            .map(|registers| (registers.rdi, registers.words[0], registers.words[1]))
            .collect();
        for (budget, passive) in [(0x10_0005, 0), (0, 0), (0, 1)] {
            assert!(binds.contains(&(0x10_0002, budget, passive)));
        }
    }
    #[test]
    fn threads_are_moved_to_every_processor() {
        let mut random = Random::new(5);
        let moves: BTreeSet<u64> = (0..20_000)
            .map(|_| next(&mut random, &POOL).0)
            .filter(|registers| registers.rax == SystemCall::ThreadProcessor as u64 && registers.rdi == 0x10_0002)
            .map(|registers| registers.words[0])
            .collect();
        assert!((0..4).all(|processor| moves.contains(&processor)), "{moves:?}");
    }
}
