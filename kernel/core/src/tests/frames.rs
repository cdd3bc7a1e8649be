//! Tests of [`super`].

use super::*;

#[test]
fn everything_comes_back_and_merges() {
    let mut frames = Frames::new(1024);
    frames.release_contiguous(Frame(3), 1000);
    let mut held = Vec::new();
    while let Some(frame) = frames.allocate() {
        assert!((3..1003).contains(&frame.0));
        held.push(frame);
    }
    assert_eq!(held.len(), 1000);
    held.sort();
    held.dedup();
    assert_eq!(held.len(), 1000, "no frame twice");
    for frame in held {
        frames.release(frame);
    }
    assert_eq!(frames.free(), 1000);
    assert!(frames.allocate_contiguous(256).is_some(), "buddies merged again");
}

#[test]
fn spare_frames_are_used_again_and_merged_when_a_block_is_wanted() {
    let mut frames = Frames::new(128);
    frames.release_contiguous(Frame(0), 128);
    let held: Vec<Frame> = (0..SPARES + 8).filter_map(|_| frames.allocate()).collect();
    for &frame in &held {
        frames.release(frame);
    }
    assert_eq!(frames.free(), 128);
    assert_eq!(frames.allocate(), held.get(SPARES - 1).copied());
    frames.release(held[SPARES - 1]);
    assert_eq!(frames.allocate_contiguous(128), Some(Frame(0)));
    assert_eq!(frames.free(), 0);
    assert!(frames.allocate().is_none());
}

#[test]
#[should_panic(expected = "freed twice")]
fn a_spare_frame_freed_again_is_noticed() {
    let mut frames = Frames::new(8);
    frames.release_contiguous(Frame(0), 8);
    let frame = frames.allocate().unwrap();
    frames.release(frame);
    frames.release(frame);
}

#[test]
fn contiguous_blocks_return_what_is_over() {
    let mut frames = Frames::new(64);
    frames.release_contiguous(Frame(0), 64);
    let block = frames.allocate_contiguous(33).unwrap();
    assert_eq!(frames.free(), 31);
    frames.release_contiguous(block, 33);
    assert_eq!(frames.free(), 64);
    assert!(frames.allocate_contiguous(0).is_none());
    assert!(frames.allocate_contiguous(65).is_none());
    assert!(frames.allocate_contiguous(u32::MAX).is_none());
}

#[test]
fn random_use_conserves_frames() {
    let mut frames = Frames::new(4096);
    frames.release_contiguous(Frame(17), 3000);
    frames.release_contiguous(Frame(3500), 500);
    let mut held: Vec<(Frame, u32)> = Vec::new();
    let mut seed = 0x1234_5678_u64;
    for _ in 0..20_000 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let random = (seed >> 33) as u32;
        if !random.is_multiple_of(3) {
            let count = 1 + random / 3 % 40;
            if let Some(first) = frames.allocate_contiguous(count) {
                for &(other, length) in &held {
                    assert!(first.0 + count <= other.0 || other.0 + length <= first.0);
                }
                held.push((first, count));
            }
        } else if !held.is_empty() {
            let (first, count) = held.swap_remove(random as usize / 3 % held.len());
            frames.release_contiguous(first, count);
        }
        let used: u32 = held.iter().map(|&(_, count)| count).sum();
        assert_eq!(frames.free() + used, 3500);
    }
}
