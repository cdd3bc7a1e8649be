//! Random numbers that a seed repeats exactly.

/// Marsaglia's xorshift with a multiplied output ("xorshift64*"): 64 bits of state, never zero.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A generator; every seed, 0 included, gives its own sequence.
    #[must_use]
    pub const fn new(seed: u64) -> Random {
        // One round of splitmix64, so that neighbouring seeds have nothing in common.
        let mut state = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        state ^= state >> 31;
        Random(if state == 0 { 1 } else { state })
    }

    /// The next 64 bits.
    pub const fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below `bound`; 0 if `bound` is 0.
    pub const fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 {
            return 0;
        }
        ((self.next() as u128 * bound as u128) >> 64) as u64
    }

    /// One of the values; `default` if there is none.
    pub fn pick<T: Copy>(&mut self, values: &[T], default: T) -> T {
        let index = self.below(values.len() as u64) as usize;
        values.get(index).copied().unwrap_or(default)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_its_sequence() {
        let (mut first, mut second) = (Random::new(7), Random::new(7));
        for _ in 0..100 {
            assert_eq!(first.next(), second.next());
        }
        assert_ne!(Random::new(7).next(), Random::new(8).next());
    }

    #[test]
    fn bounds_hold() {
        let mut random = Random::new(0);
        assert_eq!(random.below(0), 0);
        assert_eq!(random.pick(&[], 9), 9);
        let mut seen = [false; 5];
        for _ in 0..200 {
            seen[random.below(5) as usize] = true;
        }
        assert_eq!(seen, [true; 5]);
    }
}
