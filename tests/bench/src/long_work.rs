//! The child's roles that keep the kernel busy for long with one system call each, while the root program measures how late a more
//! urgent thread wakes up.
//!
//! Each call is between two marks in the shared memory: the moment it began, and zero once it is over. What it should have done is
//! checked after that; a child whose work was not done panics, and does not end with success.

use airox_bench::protocol::{
    BEGAN_OFFSET, CHURNED_PROCESSES, CONTIGUOUS_PAGES, DESTROYED_PAGES, LEASED_PAGES, LONG_ROUNDS, POPULATED_PAGES,
    PORT, PROCESS, REVOKED_HANDLES, SHARED, SIGNAL, UNMAPPED_PAGES, WORDS,
};
use airox_rt::abi::info::{ProcessInfo, ThreadState};
use airox_rt::abi::layout::{PAGE_SIZE, USER_END, USER_START};
use airox_rt::sys::call::Lend;
use airox_rt::sys::{self, Tag, clock};
use airox_rt::{
    Error, Handle, MapFlags, Mapping, Port, Process, Region, RegionKind, Rights, Signal, Start, StartError,
    TypedHandle, memory,
};

const POPULATED: MapFlags = MapFlags::WRITE.union(MapFlags::POPULATE);

/// What the root program reads to know when the kernel is at it.
struct Marks(Mapping);

impl Marks {
    fn new(start: &Start) -> Result<Marks, StartError> {
        let shared: Region = start.take(SHARED)?;
        // Its page is there from now on, and does not disturb what is counted.
        Ok(Marks(Mapping::new(&shared, POPULATED)?))
    }

    /// Does the work between the marks.
    fn around<T>(&self, work: impl FnOnce() -> T) -> T {
        let window = self.0.window();
        window.write(BEGAN_OFFSET, clock::nanoseconds());
        let result = work();
        window.write(BEGAN_OFFSET, 0u64);
        result
    }
}

fn itself() -> Result<ProcessInfo, Error> {
    sys::process_info(Handle::NONE)
}

/// Has much memory mapped and touched, says so, and waits to be killed.
pub fn hoard(start: &Start) -> Result<(), StartError> {
    let ready: Signal = start.take(SIGNAL)?;
    let region = Region::create(DESTROYED_PAGES)?;
    let mapping = Mapping::new(&region, POPULATED)?;
    let window = mapping.window();
    for page in 0..DESTROYED_PAGES {
        window.write((page * PAGE_SIZE) as usize, page);
    }
    ready.notify(1)?;
    Signal::create()?.wait(1)?;
    Ok(())
}

/// Kills the hoarder.
pub fn destroy(start: &Start) -> Result<(), StartError> {
    let marks = Marks::new(start)?;
    let hoarder: Process = start.take(PROCESS)?;
    let resident = hoarder.process_info()?.resident_pages;
    assert!(u64::from(resident) >= DESTROYED_PAGES, "it has {resident} pages");
    let ended = Signal::create()?;
    hoarder.watch(&ended, 1)?;
    marks.around(|| {
        hoarder.kill(0)?;
        // All it had is returned when its end is told.
        ended.wait(1)
    })?;
    assert_eq!(hoarder.process_info()?.state, ThreadState::Dead as u8);
    Ok(())
}

/// Makes and ends processes without threads, with memory at both ends of the address space: each one's end has every kind of step.
pub fn churn_processes(start: &Start) -> Result<(), StartError> {
    let marks = Marks::new(start)?;
    let ended = Signal::create()?;
    let memory = Region::create(2)?;
    for _ in 0..LONG_ROUNDS {
        marks.around(|| -> Result<(), Error> {
            for _ in 0..CHURNED_PROCESSES {
                let process = Process::create(None, "short-lived")?;
                process.map(&memory, USER_START, 0, 2, POPULATED)?;
                process.map(&memory, USER_END - 2 * PAGE_SIZE, 0, 2, POPULATED)?;
                process.watch(&ended, 1)?;
                process.kill(0)?;
                ended.wait(1)?;
            }
            Ok(())
        })?;
    }
    Ok(())
}

/// Revokes handles, half of them derived from the first one, half from one another.
pub fn revoke(start: &Start) -> Result<(), StartError> {
    let marks = Marks::new(start)?;
    for _ in 0..LONG_ROUNDS {
        let port = Port::create(0)?;
        let before = itself()?.handles;
        let mut last = port.raw();
        for count in 0..REVOKED_HANDLES {
            let source = if count % 2 == 0 { port.raw() } else { last };
            last = sys::handle_copy(source, Rights::all(), 0)?;
        }
        assert_eq!(itself()?.handles, before + REVOKED_HANDLES);
        marks.around(|| sys::handle_revoke(port.raw()))?;
        assert_eq!(itself()?.handles, before);
        assert!(sys::handle_info(last).is_err());
        sys::handle_info(port.raw())?;
    }
    Ok(())
}

/// Maps memory that is not there yet, and has all of it made there.
pub fn populate(start: &Start) -> Result<(), StartError> {
    let marks = Marks::new(start)?;
    for _ in 0..LONG_ROUNDS {
        let region = Region::create(POPULATED_PAGES)?;
        let before = itself()?.resident_pages;
        let _mapping = marks.around(|| Mapping::new(&region, POPULATED))?;
        assert!(u64::from(itself()?.resident_pages - before) >= POPULATED_PAGES);
    }
    Ok(())
}

/// Unmaps a large mapping whose pages are all there.
pub fn unmap(start: &Start) -> Result<(), StartError> {
    let marks = Marks::new(start)?;
    let region = Region::create(UNMAPPED_PAGES)?;
    for _ in 0..LONG_ROUNDS {
        let before = itself()?.resident_pages;
        let mapping = Mapping::new(&region, POPULATED)?;
        let mapped = itself()?.resident_pages;
        assert!(u64::from(mapped - before) >= UNMAPPED_PAGES);
        marks.around(|| drop(mapping));
        assert!(u64::from(mapped - itself()?.resident_pages) >= UNMAPPED_PAGES);
    }
    Ok(())
}

/// Makes and maps large contiguous regions, which the kernel zeroes.
pub fn make_contiguous(start: &Start) -> Result<(), StartError> {
    let marks = Marks::new(start)?;
    for _ in 0..LONG_ROUNDS {
        let (_region, mapping) = marks.around(|| -> Result<_, Error> {
            let region = Region::create_on(None, CONTIGUOUS_PAGES, RegionKind::Contiguous)?;
            let mapping = Mapping::new(&region, POPULATED)?;
            Ok((region, mapping))
        })?;
        let window = mapping.window();
        for page in 0..CONTIGUOUS_PAGES {
            let offset = (page * PAGE_SIZE) as usize;
            assert_eq!(window.read(offset), Some(0u64));
            // So that the next region, of the same memory, is zero only if the kernel makes it so.
            window.write(offset, u64::MAX);
        }
    }
    Ok(())
}

/// Copies what its caller lends, and copies it back.
pub fn copy_lease(start: &Start) -> Result<(), StartError> {
    let marks = Marks::new(start)?;
    let port: Port = start.take(PORT)?;
    with_memory(|own| {
        for round in 0..LONG_ROUNDS {
            sys::receive(port.raw())?;
            marks.around(|| sys::lease_read(Handle::NONE, 0, 0, own))?;
            assert!(has_pattern(own, round));
            marks.around(|| sys::lease_write(Handle::NONE, 1, 0, own))?;
            sys::reply(Handle::NONE, Tag::new(0), [0; WORDS])?;
        }
        Ok(())
    })
}

/// Lends memory to the server at its port: some to read, some to write.
pub fn lend(start: &Start) -> Result<(), StartError> {
    let port: Port = start.take(PORT)?;
    with_memory(|source| {
        with_memory(|target| {
            for round in 0..LONG_ROUNDS {
                write_pattern(source, round);
                let mut lends = [Lend::Read(source), Lend::Write(target)];
                sys::call_lend(port.raw(), Tag::new(0), [0; WORDS], &[], &mut lends)?;
                assert!(has_pattern(target, round));
            }
            Ok(())
        })
    })
}

/// Works with memory of the length that is lent.
fn with_memory(work: impl FnOnce(&mut [u8]) -> Result<(), StartError>) -> Result<(), StartError> {
    let mut result = Ok(());
    memory::filled_region(Handle::NONE, LEASED_PAGES, LEASED_PAGES, |bytes| result = work(bytes))?;
    result
}

/// The value at both ends of a page: another one in each round.
fn pattern(page: usize, round: usize) -> u8 {
    (page + round) as u8
}

fn write_pattern(bytes: &mut [u8], round: usize) {
    for (number, page) in bytes.chunks_exact_mut(PAGE_SIZE as usize).enumerate() {
        page[0] = pattern(number, round);
        page[PAGE_SIZE as usize - 1] = pattern(number, round);
    }
}

fn has_pattern(bytes: &[u8], round: usize) -> bool {
    let mut pages = bytes.chunks_exact(PAGE_SIZE as usize).enumerate();
    pages.all(|(number, page)| {
        let value = pattern(number, round);
        page[0] == value && page[PAGE_SIZE as usize - 1] == value
    })
}
