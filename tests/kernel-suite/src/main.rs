//! The kernel suite's root program. See the library's documentation.
#![no_std]
#![no_main]

extern crate alloc;

mod actors;
mod block;
mod bounded;
mod calls;
mod child;
mod death;
mod failure;
mod fault_handling;
mod faults;
mod handles;
mod hostile_entry;
mod kernel;
mod leak;
mod memory;
mod preemption;
mod processors;
mod quota;
mod registry;
mod revoke;
mod storm;
mod suite;
mod time;
mod vector;

use alloc::boxed::Box;

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
    hostile_entry::TESTS,
    revoke::TESTS,
    quota::TESTS,
    death::server::TESTS,
    death::client::TESTS,
    preemption::TESTS,
    bounded::TESTS,
    time::budgets::TESTS,
    time::exhaustion::TESTS,
    time::lending::TESTS,
    time::inversion::TESTS,
    processors::calls::TESTS,
    processors::placement::TESTS,
    processors::messages::TESTS,
    processors::stopping::TESTS,
    processors::mappings::TESTS,
    processors::budgets::TESTS,
    processors::races::TESTS,
    processors::hostile::TESTS,
    vector::TESTS,
    leak::TESTS,
    storm::TESTS,
];

fn main(root: &'static RootBlock) -> ! {
    match Suite::new(root) {
        // The only use of the heap, and before anything is counted.
        Ok(suite) => registry::run(Box::leak(Box::new(suite))),
        Err(failure) => panic!("the suite cannot start: {failure}"),
    }
}
