//! The file service's program: a thread or two for each file system, and the server's loop.
//!
//! Its system file says what is mounted: each file system's port arrives under the name `mount:PROVIDER:PATH`.
#![no_std]
#![no_main]
#![deny(unsafe_code)]

extern crate alloc;

use airox_api::file_system::FileSystemClient;
use airox_api::files::{FileError, FilesDispatcher, FilesInterface};
use airox_fs::mounts::{Answer, Job, Mounts, ask};
use airox_fs::namespace::{MAX_MOUNTS, Mount};
use airox_fs::server::FileService;
use airox_rt::server::{Server, WithSignal};
use airox_rt::sync::Mutex;
use airox_rt::thread::Builder;
use airox_rt::time::{Duration, Instant, sleep};
use airox_rt::{Error, Port, Rights, Signal, Start, StartError, TypedHandle};
use alloc::collections::VecDeque;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

airox_rt::entry!(main);

/// Prefix of the names of file systems' ports.
const PREFIX: &str = "mount:";
/// Something has been answered, or a file system has ended.
const NEWS: u64 = 1;
/// There are jobs.
const JOBS: u64 = 1;
/// Most jobs that wait for one file system.
const MAX_JOBS: usize = 128;
/// Stack of a thread that only calls.
const STACK: u64 = 24 << 10;
/// Shortest and longest pause before a file system that ended at once is attended again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_secs(2));

/// What the threads tell.
enum News {
    Answered(u64, Result<Answer, FileError>),
    Ended(usize),
}

/// Where they tell it.
struct Inbox {
    news: Mutex<VecDeque<News>>,
    signal: Signal,
}

impl Inbox {
    fn put(&self, news: News) {
        self.news.lock().push_back(news);
        // The server's own signal.
        let _ = self.signal.notify(NEWS);
    }
}

/// The jobs of one file system.
struct Queue {
    jobs: Mutex<VecDeque<Job>>,
    wake: Signal,
}

/// One file system: its port, without a badge, and its jobs.
struct Way {
    port: Port,
    queue: Arc<Queue>,
}

impl Way {
    fn open(number: usize, port: Port, inbox: &Arc<Inbox>) -> Result<Way, Error> {
        let queue = Arc::new(Queue { jobs: Mutex::new(VecDeque::new()), wake: Signal::create()? });
        let (jobs, answers) = (Arc::clone(&queue), Arc::clone(inbox));
        let client = FileSystemClient::new(port.copy(Rights::SEND)?);
        let _runs_forever = Builder::default().stack(STACK).spawn(move || work(&jobs, &client, &answers))?;
        let ends = Arc::clone(inbox);
        let client = FileSystemClient::new(port.copy(Rights::SEND)?);
        let _runs_forever = Builder::default().stack(STACK).spawn(move || attend(number, &client, &ends))?;
        Ok(Way { port, queue })
    }
}

/// Asks a file system what there is to ask, one after the other.
fn work(queue: &Queue, files: &FileSystemClient, inbox: &Inbox) {
    loop {
        // Not in a condition: the lock must be free during the call.
        let next = queue.jobs.lock().pop_front();
        match next {
            Some(job) => inbox.put(News::Answered(job.number, ask(files, &job.request))),
            None if queue.wake.wait(JOBS).is_err() => return,
            None => {}
        }
    }
}

/// Learns of every end of a file system: by a call that is not answered before.
fn attend(number: usize, files: &FileSystemClient, inbox: &Inbox) {
    let mut pause = PAUSES.0;
    loop {
        let begun = Instant::now();
        // Whatever comes back, it is an end.
        let _ = files.attend();
        inbox.put(News::Ended(number));
        // One that was given up ends at once, again and again.
        pause = if begun.elapsed() > PAUSES.1 { PAUSES.0 } else { (pause * 2).min(PAUSES.1) };
        if sleep(pause).is_err() {
            return;
        }
    }
}

struct Ways(Vec<Way>);

impl Mounts for Ways {
    fn send(&mut self, mount: usize, job: Job) -> Result<(), FileError> {
        let queue = &self.0.get(mount).ok_or(FileError::NotFound)?.queue;
        let mut jobs = queue.jobs.lock();
        if jobs.len() >= MAX_JOBS && !job.request.is_notice() {
            return Err(FileError::Busy);
        }
        jobs.push_back(job);
        drop(jobs);
        queue.wake.notify(JOBS).map_err(|error| FileError::Kernel(error as u32))
    }

    fn port(&mut self, mount: usize, badge: u64) -> Result<Port, FileError> {
        let way = self.0.get(mount).ok_or(FileError::NotFound)?;
        way.port.copy_badged(Rights::SEND | Rights::COPY, badge).map_err(|error| FileError::Kernel(error as u32))
    }
}

fn main(start: &'static Start) -> Result<(), StartError> {
    let port = start.served_port::<FilesInterface>()?;
    let signal = Signal::create()?;
    let inbox = Arc::new(Inbox { news: Mutex::new(VecDeque::new()), signal: signal.copy(Rights::SEND)? });
    let (mut list, mut ways) = (Vec::new(), Vec::new());
    let places = start.handles().iter().filter_map(|entry| {
        let (provider, path) = entry.name.strip_prefix(PREFIX)?.split_once(':')?;
        Some((&entry.name, provider, path))
    });
    for (name, provider, path) in places.take(MAX_MOUNTS) {
        ways.push(Way::open(list.len(), start.take(name)?, &inbox)?);
        list.push(Mount { path: path.to_string(), provider: provider.to_string() });
    }
    let service = FilesDispatcher(FileService::new(list, Ways(ways)));
    let server = Server::new(port).with_signal(&signal)?;
    Ok(server.run(WithSignal(service, |service: &mut FilesDispatcher<FileService<Ways>>, _| {
        loop {
            let news = inbox.news.lock().pop_front();
            match news {
                Some(News::Answered(number, result)) => service.0.answered(number, result),
                Some(News::Ended(mount)) => service.0.ended(mount),
                None => return,
            }
        }
    }))?)
}
