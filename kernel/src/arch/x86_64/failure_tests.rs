//! Failures on purpose: what the tests of panics and of guard pages start from. Not part of what the kernel does for anybody else.

/// Fails on purpose, in the way a test image asks for by its file [`FILE_FOR_TESTS`]; returns if it names no way. A function of its own, so that
/// backtraces name it.
#[cold]
#[inline(never)]
pub fn fail_on_purpose(how: &[u8]) {
    match how {
        b"panic" => panic!("on purpose"),
        b"fault" => {
            // SAFETY: none: the address is not mapped, which is the point. The kernel ends here.
            unsafe { core::ptr::with_exposed_provenance::<u64>(GUARD_FOR_TESTS).read_volatile() };
        }
        b"overflow" => {
            core::hint::black_box(overflow(core::hint::black_box(1)));
        }
        _ => {}
    }
}

/// Name of a file in the bundle that makes the kernel fail before it starts the root program: `panic`, `fault` or `overflow`.
pub const FILE_FOR_TESTS: &str = "kernel.fail";
/// An address in the lower half, which is empty before the root program starts.
const GUARD_FOR_TESTS: usize = 0x1000;

/// Recurses much deeper than the kernel stack allows.
fn overflow(depth: u64) -> u64 {
    if depth == u64::MAX {
        return depth;
    }
    let frame = core::hint::black_box([depth; 64]);
    frame[1] + overflow(frame[0] + 1) + frame[2]
}
