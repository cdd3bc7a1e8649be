//! The log server.

use crate::control::{Control, LOG};
use crate::processes::no_thread;
use crate::small::failure;
use crate::worker::Worker;
use airox_api::CallError;
use airox_api::log::{Level, LogClient, LogError, Record, SourceLevel, records};
use airox_rt::TypedHandle;
use airox_rt::abi::Rights;
use airox_shell::services::{Answer, Failure, Logs, Waited};
use alloc::rc::Rc;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

const NAME: &str = "log";
/// Bytes of records taken in one call; enough for any single one.
const BUFFER: usize = 8 * 1024;

type News = Result<u64, CallError<LogError>>;

pub struct LogService {
    client: Option<Arc<LogClient>>,
    control: Rc<Control>,
    /// Waits for records; started with the first `log -f`.
    waiter: Option<Worker<u64, News>>,
}

impl LogService {
    pub fn new(client: Option<LogClient>, control: Rc<Control>) -> LogService {
        LogService { client: client.map(Arc::new), control, waiter: None }
    }

    fn client(&self) -> Answer<&LogClient> {
        self.client.as_deref().ok_or(Failure::Missing(NAME))
    }

    fn waiter(&mut self) -> Answer<&Worker<u64, News>> {
        if self.waiter.is_none() {
            let client = Arc::clone(self.client.as_ref().ok_or(Failure::Missing(NAME))?);
            let start = || {
                let done = self.control.signal.copy(Rights::SEND)?;
                Worker::start(move |after| client.wait(after), done, LOG)
            };
            self.waiter = Some(start().map_err(no_thread)?);
        }
        self.waiter.as_ref().ok_or(Failure::Missing(NAME))
    }
}

impl Logs for LogService {
    fn read(&mut self, after: u64) -> Answer<Vec<Record>> {
        let mut buffer = vec![0; BUFFER];
        let length = self.client()?.read(after, &mut buffer).map_err(|error| failure(NAME, error))?;
        let bytes = buffer.get(..length as usize).unwrap_or(&[]);
        Ok(records(bytes).collect())
    }

    fn newest(&mut self) -> Answer<u64> {
        // No record has this number, so the answer comes at once.
        self.client()?.wait(u64::MAX).map_err(|error| failure(NAME, error))
    }

    fn wait(&mut self, after: u64) -> Answer<Waited<u64>> {
        let control = Rc::clone(&self.control);
        let waiter = self.waiter()?;
        loop {
            if let Some(news) = waiter.ask(after).map_err(no_thread)? {
                return news.map(Waited::Done).map_err(|error| failure(NAME, error));
            }
            if control.wait(LOG) == Waited::Interrupted {
                return Ok(Waited::Interrupted);
            }
        }
    }

    fn levels(&mut self) -> Answer<Vec<SourceLevel>> {
        let client = self.client()?;
        let mut list = Vec::new();
        loop {
            let next = client.levels(list.len() as u32).map_err(|error| failure(NAME, error))?;
            if next.is_empty() {
                return Ok(list);
            }
            list.extend(next);
        }
    }

    fn set_level(&mut self, server: &str, level: Level) -> Answer<()> {
        self.client()?.set_level(server, level).map_err(|error| failure(NAME, error))
    }
}
