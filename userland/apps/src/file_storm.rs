//! What `file-storm` writes, and what it must find: turns that each write some blocks of one file, so that from the file alone it can be told after
//! which turn it is as it is.
//!
//! A file system promises that after a crash everything is as it was after some operation, at or after the last synchronisation that succeeded. Here an
//! operation is a turn. So whatever is found must be the work of the turns 1 to some number, all of it and nothing else, and that number must not be
//! below that of the last turn that was synchronised.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

/// Bytes of a block.
pub const BLOCK: usize = 4096;
/// Blocks of the file.
pub const BLOCKS: u64 = 64;
/// Most blocks that a turn writes.
const MOST: u64 = 4;
/// Turns after which one is synchronised, at most.
const SYNC_EVERY: u64 = 4;

/// The blocks that a turn writes: the first, and how many.
#[must_use]
pub fn place(turn: u64) -> (u64, u64) {
    let mixed = mix(turn);
    let count = 1 + mixed % MOST;
    (mixed / MOST % (BLOCKS + 1 - count), count)
}

/// Whether a turn is synchronised before the next one.
#[must_use]
pub fn is_synchronised(turn: u64) -> bool {
    mix(turn) >> 32 & (SYNC_EVERY - 1) != 0
}

/// What a turn writes to one of its blocks.
pub fn fill(block: &mut [u8], turn: u64, number: u64) {
    for (index, word) in (0_u64..).zip(block.chunks_exact_mut(8)) {
        let value = match index {
            0 => turn,
            _ => mix(turn ^ number << 40 ^ index << 50),
        };
        word.copy_from_slice(&value.to_le_bytes());
    }
}

/// The bytes of a turn.
#[must_use]
pub fn bytes_of(turn: u64) -> Vec<u8> {
    let (first, count) = place(turn);
    let mut bytes = vec![0; count as usize * BLOCK];
    for (number, block) in (first..).zip(bytes.chunks_exact_mut(BLOCK)) {
        fill(block, turn, number);
    }
    bytes
}

/// Which turn wrote each block last, after the turns 1 to this one; 0 for none.
fn writers(last: u64) -> Vec<u64> {
    let mut writers = vec![0; BLOCKS as usize];
    let mut missing = BLOCKS;
    let mut turn = last;
    // Backwards, so that each block is seen first in the turn that wrote it last: soon all are.
    while missing > 0 && turn > 0 {
        let (first, count) = place(turn);
        for writer in writers[first as usize..(first + count) as usize].iter_mut().filter(|writer| **writer == 0) {
            *writer = turn;
            missing -= 1;
        }
        turn -= 1;
    }
    writers
}

/// Which turn wrote each block, if each is the work of one.
fn turns(file: &[u8]) -> Result<Vec<u64>, String> {
    if file.len() != BLOCKS as usize * BLOCK {
        return Err(format!("it has {} bytes", file.len()));
    }
    let mut right = vec![0; BLOCK];
    let mut turns = Vec::with_capacity(BLOCKS as usize);
    for (number, block) in (0..).zip(file.chunks_exact(BLOCK)) {
        let turn = turn_in(block);
        right.fill(0);
        if turn != 0 {
            fill(&mut right, turn, number);
        }
        if block != right {
            return Err(format!("block {number} is not what turn {turn} wrote"));
        }
        turns.push(turn);
    }
    Ok(turns)
}

/// The turn after which the file is as it is: 0 if all of it is zeros.
///
/// # Errors
/// A sentence that says what is not the work of any number of turns.
pub fn turn_of(file: &[u8]) -> Result<u64, String> {
    let turns = turns(file)?;
    let last = turns.iter().copied().max().unwrap_or(0);
    match (0..).zip(turns.iter().zip(writers(last))).find(|(_, (found, expected))| **found != *expected) {
        None => Ok(last),
        Some((number, (found, expected))) => {
            Err(format!("block {number} is of turn {found}, and should be of {expected} after {last}"))
        }
    }
}

/// Whether the file holds all that the turns up to `synchronised` wrote, and besides only what those up to `last` did.
///
/// # Errors
/// A sentence that says what is missing.
pub fn check(file: &[u8], synchronised: u64, last: u64) -> Result<(), String> {
    for (number, (found, least)) in (0..).zip(turns(file)?.into_iter().zip(writers(synchronised))) {
        let (first, count) = place(found);
        let is_later = found > synchronised && found <= last && (first..first + count).contains(&number);
        if found != least && !is_later {
            return Err(format!("block {number} is of turn {found}, and turn {least} was synchronised"));
        }
    }
    Ok(())
}

fn turn_in(block: &[u8]) -> u64 {
    block.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

/// A number that looks random (the finaliser of `SplitMix64`).
fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The file after the turns 1 to this one.
    fn after(turn: u64) -> Vec<u8> {
        let mut file = vec![0; BLOCKS as usize * BLOCK];
        (1..=turn).for_each(|turn| apply(&mut file, turn));
        file
    }

    fn apply(file: &mut [u8], turn: u64) {
        let (first, count) = place(turn);
        file[first as usize * BLOCK..(first + count) as usize * BLOCK].copy_from_slice(&bytes_of(turn));
    }

    #[test]
    fn a_file_tells_its_turn() {
        for turn in [0, 1, 2, 10, 100, 1000] {
            assert_eq!(turn_of(&after(turn)), Ok(turn));
            assert_eq!(check(&after(turn), turn, turn), Ok(()));
        }
        assert!((0..10_000).map(place).all(|(first, count)| first + count <= BLOCKS && (1..=MOST).contains(&count)));
        assert!((1..100).any(is_synchronised) && !(1..100).all(is_synchronised));
    }

    #[test]
    fn half_a_turn_a_lost_turn_and_a_changed_bit_are_noticed() {
        let whole = after(200);
        let (first, count) = (201..).map(place).find(|(_, count)| *count > 1).expect("there is one");
        let turn = (201..).find(|turn| place(*turn) == (first, count)).expect("the same");
        let mut half = after(turn);
        let last = (first + count - 1) as usize * BLOCK;
        half[last..last + BLOCK].copy_from_slice(&after(turn - 1)[last..last + BLOCK]);
        assert!(turn_of(&half).is_err());
        let mut lost = after(199);
        apply(&mut lost, 201);
        assert!(turn_of(&lost).is_err(), "turn 200 is missing");
        let mut changed = whole.clone();
        changed[12_345] ^= 4;
        assert!(turn_of(&changed).is_err() && check(&changed, 0, 200).is_err());
        assert!(turn_of(&whole[1..]).is_err());
    }

    #[test]
    fn what_was_not_synchronised_may_be_there_in_parts() {
        let mut file = after(100);
        apply(&mut file, 102);
        assert_eq!(check(&file, 100, 102), Ok(()));
        assert!(check(&file, 100, 101).is_err());
        assert!(check(&after(99), 100, 102).is_err());
        assert!(check(&after(104), 100, 102).is_err());
    }
}
