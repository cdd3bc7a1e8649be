//! The console around a device, with clients that misbehave.

use airox_terminal::{
    CallRefused, Console, FlushCall, Gone, Interrupt, MAX_INTERRUPTS, MAX_READS, MAX_WRITE_LENGTH, MAX_WRITES, Mode,
    ReadCall, WriteCall,
};
use proptest::prelude::*;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// How a call ended; `None` while it waits.
type Ended<T> = Rc<RefCell<Option<T>>>;
type ReadEnd = Ended<Result<Vec<u8>, CallRefused>>;
type OutputEnd = Ended<Result<(), CallRefused>>;

struct Write {
    text: Vec<u8>,
    dead: Rc<Cell<bool>>,
    ended: OutputEnd,
}

impl WriteCall for Write {
    fn length(&self) -> usize {
        self.text.len()
    }

    fn fetch(&mut self, offset: usize, buffer: &mut [u8]) -> Result<(), Gone> {
        if self.dead.get() {
            return Err(Gone);
        }
        buffer.copy_from_slice(&self.text[offset..offset + buffer.len()]);
        Ok(())
    }

    fn answer(self, result: Result<(), CallRefused>) {
        *self.ended.borrow_mut() = Some(result);
    }
}

struct Read {
    room: usize,
    dead: Rc<Cell<bool>>,
    ended: ReadEnd,
}

impl ReadCall for Read {
    fn length(&self) -> usize {
        self.room
    }

    fn is_alive(&self) -> bool {
        !self.dead.get()
    }

    fn deliver(self, bytes: &[u8]) -> Result<(), Gone> {
        assert!(bytes.len() <= self.room);
        if self.dead.get() {
            return Err(Gone);
        }
        *self.ended.borrow_mut() = Some(Ok(bytes.to_vec()));
        Ok(())
    }

    fn refuse(self, why: CallRefused) {
        *self.ended.borrow_mut() = Some(Err(why));
    }
}

struct Flush(OutputEnd);

impl FlushCall for Flush {
    fn answer(self, result: Result<(), CallRefused>) {
        *self.0.borrow_mut() = Some(result);
    }
}

struct Counter {
    count: Rc<Cell<u32>>,
    dead: Rc<Cell<bool>>,
}

impl Interrupt for Counter {
    fn notify(&self) -> Result<(), Gone> {
        if self.dead.get() {
            return Err(Gone);
        }
        self.count.set(self.count.get() + 1);
        Ok(())
    }
}

/// A console with a device that sends only when told.
struct Setup(Console<Write, Read, Flush, Counter>);

impl Setup {
    fn new(mode: Mode) -> Setup {
        let mut console = Console::new();
        console.set_mode(mode);
        Setup(console)
    }

    fn write(&mut self, text: &[u8]) -> (OutputEnd, Rc<Cell<bool>>) {
        let (ended, dead) = (Ended::default(), Rc::<Cell<bool>>::default());
        self.0.write(Write { text: text.to_vec(), dead: dead.clone(), ended: ended.clone() });
        (ended, dead)
    }

    fn read(&mut self, room: usize) -> (ReadEnd, Rc<Cell<bool>>) {
        let (ended, dead) = (Ended::default(), Rc::<Cell<bool>>::default());
        self.0.read(Read { room, dead: dead.clone(), ended: ended.clone() });
        (ended, dead)
    }

    fn flush(&mut self) -> OutputEnd {
        let ended = Ended::default();
        self.0.flush(Flush(ended.clone()));
        ended
    }

    fn on_interrupt(&mut self, client: u64) -> (Rc<Cell<u32>>, Rc<Cell<bool>>) {
        let (count, dead) = (Rc::<Cell<u32>>::default(), Rc::<Cell<bool>>::default());
        let counter = Counter { count: count.clone(), dead: dead.clone() };
        self.0.set_interrupt(client, Some(counter)).expect("there is room for it");
        (count, dead)
    }

    /// Everything the console has for the device.
    fn sent(&mut self) -> Vec<u8> {
        let mut sent = Vec::new();
        let mut buffer = [0; 16];
        loop {
            match self.0.next_output(&mut buffer) {
                0 => return sent,
                count => sent.extend_from_slice(&buffer[..count]),
            }
        }
    }
}

fn got(ended: &ReadEnd) -> Option<Vec<u8>> {
    ended.borrow_mut().take().map(|result| result.expect("a read is served"))
}

#[test]
fn long_writes_wait_for_room_and_keep_their_order() {
    let mut setup = Setup::new(Mode::Raw);
    let long = vec![b'a'; 10_000];
    let (first, _) = setup.write(&long);
    let (second, _) = setup.write(b"b\n");
    assert_eq!((*first.borrow(), *second.borrow()), (None, None));
    let sent = setup.sent();
    assert_eq!((*first.borrow(), *second.borrow()), (Some(Ok(())), Some(Ok(()))));
    assert_eq!(sent, [&long[..], b"b\r\n"].concat());
}

#[test]
fn dead_and_unreasonable_writers_are_forgotten() {
    let mut setup = Setup::new(Mode::Raw);
    let (first, dead) = setup.write(&vec![b'a'; 10_000]);
    let (second, _) = setup.write(b"b");
    dead.set(true);
    let sent = setup.sent();
    assert_eq!(*first.borrow(), Some(Err(CallRefused::Unreadable)));
    assert_eq!(*second.borrow(), Some(Ok(())));
    assert_eq!(sent.last(), Some(&b'b'));
    let (long, _) = setup.write(&vec![0; MAX_WRITE_LENGTH + 1]);
    assert_eq!(*long.borrow(), Some(Err(CallRefused::TooLong)));
    let (empty, _) = setup.write(b"");
    assert_eq!(*empty.borrow(), Some(Ok(())));
    let waiting: Vec<_> = (0..MAX_WRITES).map(|_| setup.write(&[b'x'; 9000]).0).collect();
    assert_eq!(*setup.write(b"y").0.borrow(), Some(Err(CallRefused::Busy)));
    assert_eq!(*setup.flush().borrow(), Some(Err(CallRefused::Busy)));
    setup.sent();
    assert!(waiting.iter().all(|ended| *ended.borrow() == Some(Ok(()))));
}

#[test]
fn flush_waits_for_the_device_and_holds_later_writes() {
    let mut setup = Setup::new(Mode::Raw);
    setup.write(b"before");
    let flush = setup.flush();
    let (after, _) = setup.write(b"after");
    assert!(!setup.0.wants_drained());
    assert_eq!(setup.sent(), b"before");
    assert!(setup.0.wants_drained() && flush.borrow().is_none() && after.borrow().is_none());
    setup.0.drained();
    assert_eq!((*flush.borrow(), *after.borrow()), (Some(Ok(())), Some(Ok(()))));
    assert_eq!(setup.sent(), b"after");
    let idle = setup.flush();
    setup.0.drained();
    assert_eq!(*idle.borrow(), Some(Ok(())));
}

#[test]
fn reads_wait_in_order_and_the_dead_lose_nothing() {
    let mut setup = Setup::new(Mode::Raw);
    let (first, dead) = setup.read(10);
    let (second, _) = setup.read(2);
    let (third, _) = setup.read(10);
    dead.set(true);
    setup.0.typed(b"abc");
    assert_eq!(got(&first), None);
    assert_eq!(got(&second).as_deref(), Some(&b"ab"[..]));
    assert_eq!(got(&third).as_deref(), Some(&b"c"[..]));
    setup.0.typed(b"later");
    assert_eq!(got(&setup.read(10).0).as_deref(), Some(&b"later"[..]));
    assert_eq!(got(&setup.read(0).0).as_deref(), Some(&b""[..]));
}

#[test]
fn readers_are_limited_and_the_dead_make_room() {
    let mut setup = Setup::new(Mode::Cooked);
    let waiting: Vec<_> = (0..MAX_READS).map(|_| setup.read(8)).collect();
    let (refused, _) = setup.read(8);
    assert_eq!(*refused.borrow(), Some(Err(CallRefused::Busy)));
    waiting[3].1.set(true);
    let (taken, _) = setup.read(8);
    assert!(taken.borrow().is_none());
}

#[test]
fn cooked_echoes_and_answers_lines() {
    let mut setup = Setup::new(Mode::Cooked);
    let (read, _) = setup.read(100);
    setup.0.typed(b"dat");
    assert_eq!(got(&read), None);
    setup.0.typed(b"e\r");
    assert_eq!(got(&read).as_deref(), Some(&b"date\n"[..]));
    assert_eq!(setup.sent(), b"date\r\n");
    let (read, _) = setup.read(100);
    setup.0.typed(b"\x04");
    assert_eq!(got(&read).as_deref(), Some(&b""[..]));
}

#[test]
fn interrupt_notifies_and_leaves_no_stale_key() {
    let mut setup = Setup::new(Mode::Raw);
    let (shell, _) = setup.on_interrupt(1);
    // A foreground program runs: nobody reads.
    setup.0.typed(b"ahead\x03");
    assert_eq!(shell.get(), 1);
    let (prompt, _) = setup.read(10);
    assert_eq!(got(&prompt), None);
    // At the prompt the editor sees the key.
    setup.0.typed(b"\x03");
    assert_eq!(shell.get(), 2);
    assert_eq!(got(&prompt).as_deref(), Some(&b"\x03"[..]));
    // A reader that died with its program gets nothing, and nothing is kept for it.
    let (_, dead) = setup.read(10);
    dead.set(true);
    setup.0.typed(b"\x03");
    assert_eq!(got(&setup.read(10).0), None);
    // In cooked mode the line goes.
    setup.0.set_mode(Mode::Cooked);
    setup.0.typed(b"abc\x03x\r");
    assert_eq!(shell.get(), 4);
    assert_eq!(setup.sent(), b"abc^C\r\nx\r\n");
}

#[test]
fn without_anyone_to_notify_raw_keeps_the_key() {
    let mut setup = Setup::new(Mode::Raw);
    let (count, dead) = setup.on_interrupt(1);
    dead.set(true);
    setup.0.typed(b"\x03");
    assert_eq!(count.get(), 0);
    assert_eq!(got(&setup.read(10).0).as_deref(), Some(&b"\x03"[..]));
}

#[test]
fn a_client_has_one_interrupt_and_clients_are_limited() {
    let mut setup = Setup::new(Mode::Raw);
    let (old, _) = setup.on_interrupt(1);
    let (new, _) = setup.on_interrupt(1);
    for client in 2..=MAX_INTERRUPTS as u64 {
        setup.on_interrupt(client);
    }
    let (count, dead) = (Rc::default(), Rc::default());
    let refused = setup.0.set_interrupt(99, Some(Counter { count, dead }));
    assert_eq!(refused, Err(CallRefused::Busy));
    setup.0.typed(b"\x03");
    assert_eq!((old.get(), new.get()), (0, 1));
    assert_eq!(setup.0.set_interrupt(1, None), Ok(()));
    setup.0.typed(b"\x03");
    assert_eq!(new.get(), 1);
}

#[test]
fn reports_reach_raw_readers_only() {
    let mut setup = Setup::new(Mode::Raw);
    setup.0.reported(b"\x1b[1;1R");
    assert_eq!(got(&setup.read(10).0).as_deref(), Some(&b"\x1b[1;1R"[..]));
    setup.0.set_mode(Mode::Cooked);
    setup.0.reported(b"\x1b[1;1R");
    setup.0.typed(b"\r");
    assert_eq!(got(&setup.read(10).0).as_deref(), Some(&b"\n"[..]));
}

/// One thing that happens to a console.
#[derive(Clone, Debug)]
enum Step {
    Write(Vec<u8>, bool),
    Read(usize, bool),
    Flush,
    Type(Vec<u8>),
    Mode(Mode),
    Send(usize),
    Drained,
    Interrupt(u64, bool),
}

fn step() -> impl Strategy<Value = Step> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..200);
    let keys = prop::collection::vec(
        prop_oneof![any::<u8>(), prop::sample::select(&b"\r\n\x03\x04\x08\x15\x17\x1b[A"[..])],
        0..100,
    );
    prop_oneof![
        (bytes(), any::<bool>()).prop_map(|(text, dead)| Step::Write(text.repeat(20), dead)),
        (0..64usize, any::<bool>()).prop_map(|(room, dead)| Step::Read(room, dead)),
        Just(Step::Flush),
        keys.prop_map(Step::Type),
        prop::sample::select(vec![Mode::Raw, Mode::Cooked]).prop_map(Step::Mode),
        (0..2000usize).prop_map(Step::Send),
        Just(Step::Drained),
        (0..10u64, any::<bool>()).prop_map(|(client, dead)| Step::Interrupt(client, dead)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_output_call_ends_whatever_happens(steps in prop::collection::vec(step(), 0..80)) {
        let mut setup = Setup::new(Mode::Cooked);
        let mut calls = Vec::new();
        for step in steps {
            match step {
                Step::Write(text, dies) => {
                    let (ended, dead) = setup.write(&text);
                    dead.set(dies);
                    calls.push(ended);
                }
                Step::Read(room, dies) => setup.read(room).1.set(dies),
                Step::Flush => calls.push(setup.flush()),
                Step::Type(keys) => setup.0.typed(&keys),
                Step::Mode(mode) => setup.0.set_mode(mode),
                Step::Send(count) => {
                    setup.0.next_output(&mut vec![0; count]);
                }
                Step::Drained => setup.0.drained(),
                Step::Interrupt(client, dies) => {
                    let (count, dead) = (Rc::default(), Rc::new(Cell::new(dies)));
                    // Refused when too many are registered, which changes nothing.
                    let _ = setup.0.set_interrupt(client, Some(Counter { count, dead }));
                }
            }
        }
        while setup.0.has_output() || setup.0.wants_drained() {
            setup.sent();
            setup.0.drained();
        }
        prop_assert!(calls.iter().all(|ended| ended.borrow().is_some()));
    }
}
