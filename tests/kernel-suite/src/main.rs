//! The kernel suite's root program. See the library's documentation.
#![no_std]
#![no_main]

mod actors;
mod block;
mod calls;
mod child;
mod death;
mod failure;
mod fault_handling;
mod faults;
mod handles;
mod kernel;
mod leak;
mod memory;
mod preemption;
mod quota;
mod registry;
mod revoke;
mod storm;
mod suite;
mod vector;

use core::mem::MaybeUninit;

use airox_abi::root::RootBlock;

use suite::Suite;

airox_rt::root_entry!(main);

/// Every test, in the order they run in: what others rely on first.
static TESTS: &[&[registry::Test]] = &[
    handles::TESTS,
    calls::signals::TESTS,
    calls::regions::TESTS,
    calls::threads::TESTS,
    calls::processes::TESTS,
    calls::messages::TESTS,
    calls::transfers::TESTS,
    calls::leases::TESTS,
    calls::machine::TESTS,
    calls::handle_cases::TESTS,
    calls::pointer_cases::TESTS,
    faults::TESTS,
    fault_handling::TESTS,
    revoke::TESTS,
    quota::TESTS,
    death::TESTS,
    preemption::TESTS,
    vector::TESTS,
    leak::TESTS,
    storm::TESTS,
];

fn main(root: &'static RootBlock) -> ! {
    static mut PLACE: MaybeUninit<Suite> = MaybeUninit::uninit();
    match Suite::new(root) {
        Ok(suite) => {
            // SAFETY: 1. this function runs once, and no other thread exists yet; 2. nothing else names `PLACE`.
            let suite: &'static Suite = unsafe { (*(&raw mut PLACE)).write(suite) };
            registry::run(suite)
        }
        Err(failure) => panic!("the suite cannot start: {failure}"),
    }
}
