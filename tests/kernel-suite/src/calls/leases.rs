//! Leases: `lease_read`, `lease_write` and `lease_info`.

use airox_abi::layout::CLOCK_PAGE;
use airox_abi::message::{Extension, Lease, Tag};
use airox_abi::{Error, Handle, Rights, SystemCall};

use crate::actors::PORT;
use crate::block::Block;
use crate::child::{Child, free_address, stack_base};
use crate::failure::{Failure, Outcome, check, check_equal, check_error};
use crate::kernel::{self, EntryRegisters, Message, Owned};
use crate::memory::Mapped;
use crate::registry::Test;
use crate::suite::Suite;

/// The tests.
pub const TESTS: &[Test] = &[
    Test::new("lease", "read_write_and_info", read_write_and_info),
    Test::new("lease", "access_and_range_hold", access_and_range_hold),
    Test::new("lease", "bad_memory_of_the_lender", bad_memory_of_the_lender),
    Test::new("lease", "bad_buffers", bad_buffers),
    Test::new("lease", "ends_with_the_reply", ends_with_the_reply),
    Test::new("lease", "through_a_saved_reply", through_a_saved_reply),
    Test::new("lease", "a_megabyte_across_untouched_pages", a_megabyte_across_untouched_pages),
];

/// Arguments 1 to 3 and 4 to 6: address, length and access of two leases.
const LEASES: usize = 1;
/// Bytes the [`lender`] lends from its stack when the address is 0.
const LENT: usize = 100;

/// Calls once and lends what its arguments say; an address of 0 means its own buffer of `LENT` bytes,
/// holding 0, 1, 2... Result 0 is the error code, result 1 the sum of the buffer's bytes afterwards.
fn lender(block: &Block) -> Outcome {
    let mut buffer: [u8; LENT] = core::array::from_fn(|index| index as u8);
    let mut extension = Extension::default();
    for (index, lease) in extension.leases[..2].iter_mut().enumerate() {
        let first = LEASES + 3 * index;
        *lease = Lease {
            address: block.argument(first),
            length: block.argument(first + 1),
            access: block.argument(first + 2),
        };
        if lease.address == 0 {
            lease.address = buffer.as_mut_ptr() as u64;
        }
    }
    let tag = Tag::new(0).with_leases(2);
    let result = kernel::send_with(block.handle(PORT), tag, &mut extension);
    block.set_result(0, crate::actors::code(&result));
    block.set_result(1, buffer.iter().map(|byte| u64::from(*byte)).sum());
    Ok(())
}

/// A port, and a lender whose call has been received.
fn received(suite: &Suite, leases: [Lease; 2]) -> Result<(Owned, Child), Failure> {
    let port = kernel::port_create(Handle::NONE)?;
    let client = Child::new(suite)?;
    client.grant(PORT, port.get(), Rights::SEND)?;
    for (index, lease) in leases.iter().enumerate() {
        let first = LEASES + 3 * index;
        client.block().set_argument(first, lease.address);
        client.block().set_argument(first + 1, lease.length);
        client.block().set_argument(first + 2, lease.access);
    }
    client.start(lender)?;
    let message = kernel::receive(port.get())?;
    check_result(message.tag.leases())?;
    Ok((port, client))
}

fn check_result(leases: usize) -> Outcome {
    check_equal!(leases, 2);
    Ok(())
}

const fn own(access: u64) -> Lease {
    Lease { address: 0, length: LENT as u64, access }
}

fn answer(client: Child) -> Outcome {
    kernel::reply(Handle::NONE, &Message::new(0))?;
    client.finish()
}

fn read_write_and_info(suite: &Suite) -> Outcome {
    let (_port, client) = received(suite, [own(Lease::READ | Lease::WRITE), own(Lease::READ)])?;
    check_equal!(kernel::lease_info(Handle::NONE, 0)?, (100, Lease::READ | Lease::WRITE));
    check_equal!(kernel::lease_info(Handle::NONE, 1)?, (100, Lease::READ));
    let mut buffer = [0; 40];
    check_equal!(kernel::lease_read(Handle::NONE, 1, 60, &mut buffer)?, 40);
    check!(buffer.iter().zip(60..).all(|(byte, expected)| *byte == expected), "wrong bytes read");
    check_equal!(kernel::lease_write(Handle::NONE, 0, 10, &[0; 90])?, 90);
    check_equal!(kernel::lease_read(Handle::NONE, 0, 0, &mut [])?, 0);
    kernel::reply(Handle::NONE, &Message::new(0))?;
    client.wait()?;
    check_equal!(client.block().result(0), 0);
    check_equal!(client.block().result(1), (0..10).sum::<u64>());
    client.finish()
}

fn access_and_range_hold(suite: &Suite) -> Outcome {
    let (_port, client) = received(suite, [own(Lease::READ), own(Lease::WRITE)])?;
    let mut buffer = [0; 16];
    check_error!(kernel::lease_write(Handle::NONE, 0, 0, &buffer), Error::LeaseDenied);
    check_error!(kernel::lease_read(Handle::NONE, 1, 0, &mut buffer), Error::LeaseDenied);
    for index in [2, 3, 4, 5, 1 << 32, u64::MAX] {
        check_error!(kernel::lease_read(Handle::NONE, index, 0, &mut buffer), Error::LeaseDenied);
        check_error!(kernel::lease_info(Handle::NONE, index), Error::LeaseDenied);
    }
    for offset in [85, 100, 101, 1 << 47, u64::MAX - 8, u64::MAX] {
        check_error!(kernel::lease_read(Handle::NONE, 0, offset, &mut buffer), Error::LeaseDenied);
        check_error!(kernel::lease_write(Handle::NONE, 1, offset, &buffer), Error::LeaseDenied);
    }
    kernel::lease_read(Handle::NONE, 0, 84, &mut buffer)?;
    answer(client)
}

fn bad_memory_of_the_lender(suite: &Suite) -> Outcome {
    let bad = [
        8,
        stack_base(0) - 4096,
        stack_base(0) - 8,
        0x7fff_ffff_f000,
        0x8000_0000_0000,
        0xffff_8000_0000_0000,
        0xffff_ffff_8000_0000,
        u64::MAX - 8,
    ];
    for address in bad {
        let lease = |access| Lease { address, length: 16, access };
        let (_port, client) = received(suite, [lease(Lease::READ), lease(Lease::WRITE)])?;
        let mut buffer = [0; 16];
        check_error!(kernel::lease_read(Handle::NONE, 0, 0, &mut buffer), Error::LeaseDenied);
        check_error!(kernel::lease_write(Handle::NONE, 1, 0, &buffer), Error::LeaseDenied);
        answer(client)?;
    }
    // A client can't lend for writing what it can't write itself.
    let clock = |access| Lease { address: CLOCK_PAGE, length: 16, access };
    let (_port, client) = received(suite, [clock(Lease::READ), clock(Lease::WRITE)])?;
    let mut buffer = [0; 16];
    kernel::lease_read(Handle::NONE, 0, 0, &mut buffer)?;
    check_error!(kernel::lease_write(Handle::NONE, 1, 0, &buffer), Error::LeaseDenied);
    answer(client)
}

fn bad_buffers(suite: &Suite) -> Outcome {
    let (_port, client) = received(suite, [own(Lease::READ), own(Lease::WRITE)])?;
    let memory = Mapped::new(1)?;
    let end = memory.address() + memory.length();
    let bad = [0, 8, free_address(1), end - 8, 0x8000_0000_0000, 0xffff_8000_0000_0000, u64::MAX - 8];
    for address in bad {
        for (call, index) in [(SystemCall::LeaseRead, 0), (SystemCall::LeaseWrite, 1)] {
            let mut registers = EntryRegisters::call(call, &[0, index, 0, address, 16]);
            // SAFETY: the address is not memory of the suite.
            let result = unsafe { kernel::invoke(&mut registers) };
            check!(result == Err(Error::InvalidAddress), "{} at {address:#x}: {result:?}", call.text());
        }
    }
    let mut registers = EntryRegisters::call(SystemCall::LeaseRead, &[0, 0, 0, CLOCK_PAGE, 16]);
    // SAFETY: the clock page is read-only.
    let result = unsafe { kernel::invoke(&mut registers) };
    check_error!(result, Error::InvalidAddress);
    answer(client)
}

fn ends_with_the_reply(suite: &Suite) -> Outcome {
    let (_port, client) = received(suite, [own(Lease::READ), own(Lease::WRITE)])?;
    answer(client)?;
    check_error!(kernel::lease_write(Handle::NONE, 1, 0, &[1]), Error::NoCaller);
    // Neither does it outlive the lender.
    let (_port, client) = received(suite, [own(Lease::READ), own(Lease::WRITE)])?;
    client.kill()?;
    check_error!(kernel::lease_write(Handle::NONE, 1, 0, &[1]), Error::NoCaller);
    check_error!(kernel::reply(Handle::NONE, &Message::new(0)), Error::NoCaller);
    Ok(())
}

fn through_a_saved_reply(suite: &Suite) -> Outcome {
    let (port, first) = received(suite, [own(Lease::READ), own(Lease::WRITE)])?;
    let saved = kernel::reply_save()?;
    let second = Child::new(suite)?;
    second.grant(PORT, port.get(), Rights::SEND)?;
    second.start(crate::actors::client)?;
    kernel::receive(port.get())?;
    let mut buffer = [0; 4];
    check_error!(kernel::lease_read(Handle::NONE, 0, 0, &mut buffer), Error::LeaseDenied);
    kernel::lease_read(saved.get(), 0, 4, &mut buffer)?;
    check_equal!(buffer, [4, 5, 6, 7]);
    check_equal!(kernel::lease_info(saved.get(), 1)?, (100, Lease::WRITE));
    kernel::reply(Handle::NONE, &Message::new(0))?;
    second.finish()?;
    kernel::reply(saved.get(), &Message::new(0))?;
    check_error!(kernel::lease_read(saved.get(), 0, 0, &mut buffer), Error::InvalidHandle);
    first.finish()
}

/// Where the lender of a megabyte has it.
const BIG: u64 = 0x2000_0000;
/// Its pages.
const BIG_PAGES: u64 = 256;

fn a_megabyte_across_untouched_pages(suite: &Suite) -> Outcome {
    let memory = Mapped::new(BIG_PAGES)?;
    let port = kernel::port_create(Handle::NONE)?;
    let client = Child::new(suite)?;
    client.grant(PORT, port.get(), Rights::SEND)?;
    kernel::region_map(memory.region(), client.process.get(), BIG, 0, BIG_PAGES, airox_abi::MapFlags::WRITE)?;
    for (index, value) in [BIG, memory.length(), Lease::READ | Lease::WRITE].into_iter().enumerate() {
        client.block().set_argument(LEASES + index, value);
    }
    client.start(lender)?;
    kernel::receive(port.get())?;
    let mine = Mapped::new(BIG_PAGES)?;
    mine.fill(mine.length() - 3, b"end");
    let mut write = EntryRegisters::call(SystemCall::LeaseWrite, &[0, 0, 0, mine.address(), mine.length()]);
    // SAFETY: the kernel only reads the buffer.
    unsafe { kernel::invoke(&mut write) }?;
    check_equal!(write.rdi, memory.length());
    check_equal!(memory.byte(memory.length() - 1), b'd');
    memory.fill(5, b"start");
    let mut read = EntryRegisters::call(SystemCall::LeaseRead, &[0, 0, 5, mine.address(), mine.length() - 5]);
    // SAFETY: the kernel writes to `mine`, which is accessed only through volatile copies.
    unsafe { kernel::invoke(&mut read) }?;
    check_equal!(mine.byte(0), b's');
    answer(client)
}
