//! The file service, two file systems in memory and any number of clients, joined in memory.

use airox_abi::message::{HandleTransfer, Tag, WORDS};
use airox_abi::{Error, Handle};
use airox_api::file_system::{FileSystemClient, FileSystemDispatcher};
use airox_api::files::{FileError, FileGrant, FilesClient, FilesDispatcher};
use airox_api::testing::Loopback;
use airox_api::wire::{ReceivedHandles, Transport};
use airox_api::{CallError, Dispatch, Incoming, Outcome};
use airox_file_server::{FileServer, Host};
use airox_file_system::Extent;
use airox_files::{Connect, Files};
use airox_fs::mounts::{Job, Mounts, ask};
use airox_fs::namespace::Mount;
use airox_fs::server::FileService;
use airox_memory_files::MemoryFiles;
use airox_sys::call::Lend;
use airox_sys::{Port, Region, TypedHandle};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Room of each file system.
pub const ROOM: u64 = 4 << 20;

pub struct TestHost;

impl Host for TestHost {
    fn now_ns(&mut self) -> u64 {
        42
    }

    fn pages(&mut self, _: Extent) -> Result<Region, FileError> {
        Err(FileError::NotSupported)
    }
}

/// A dispatcher that several clients call.
pub struct Shared<D>(pub Rc<RefCell<D>>);

impl<D> Clone for Shared<D> {
    fn clone(&self) -> Shared<D> {
        Shared(Rc::clone(&self.0))
    }
}

impl<D: Dispatch> Dispatch for Shared<D> {
    type Interface = D::Interface;

    fn dispatch<I: Incoming>(&mut self, incoming: &mut I) -> Outcome {
        self.0.borrow_mut().dispatch(incoming)
    }
}

type SystemServer = FileSystemDispatcher<FileServer<MemoryFiles, TestHost>>;

/// One file system's process.
#[derive(Clone)]
pub struct System {
    server: Shared<SystemServer>,
    started: Rc<Cell<u64>>,
    /// So many calls from now on it dies; the call is not done.
    pub dies_in: Rc<Cell<Option<u32>>>,
    /// It takes no calls.
    pub hangs: Rc<Cell<bool>>,
}

fn system_server(started: u64) -> SystemServer {
    FileSystemDispatcher(FileServer::new(MemoryFiles::new(ROOM), TestHost, started))
}

impl System {
    fn new() -> System {
        System {
            server: Shared(Rc::new(RefCell::new(system_server(1)))),
            started: Rc::new(Cell::new(1)),
            dies_in: Rc::default(),
            hangs: Rc::default(),
        }
    }

    /// A new instance takes the place of this one: open files are forgotten, and of the files only those stay that `keep` says.
    pub fn restart(&self, keep: bool) {
        self.started.set(self.started.get() + 1_000_000);
        let fresh = system_server(self.started.get());
        let old = self.server.0.replace(fresh);
        if keep {
            let mut old = old;
            let files = core::mem::replace(old.0.files(), MemoryFiles::new(0));
            *self.server.0.borrow_mut().0.files() = files;
        }
    }

    /// A client with this badge.
    pub fn client(&self, badge: u64) -> FileSystemClient<SystemTransport> {
        FileSystemClient::new(SystemTransport { system: self.clone(), badge })
    }
}

/// Carries calls to a file system's process, as long as it lives.
pub struct SystemTransport {
    system: System,
    badge: u64,
}

impl SystemTransport {
    fn alive(&self) -> Result<(), Error> {
        if let Some(left) = self.system.dies_in.get() {
            self.system.dies_in.set(left.checked_sub(1));
            if left == 0 {
                self.system.restart(true);
                return Err(Error::ServerDied);
            }
        }
        Ok(())
    }
}

impl Transport for SystemTransport {
    fn call(&self, tag: Tag, words: [u64; WORDS]) -> Result<(Tag, [u64; WORDS]), Error> {
        self.alive()?;
        Loopback::new(self.system.server.clone(), self.badge).call(tag, words)
    }

    fn call_with(
        &self,
        tag: Tag,
        words: [u64; WORDS],
        handles: &[HandleTransfer],
        lends: &mut [Lend<'_>],
    ) -> Result<(Tag, [u64; WORDS], ReceivedHandles), Error> {
        self.alive()?;
        Loopback::new(self.system.server.clone(), self.badge).call_with(tag, words, handles, lends)
    }
}

/// The file systems as the file service reaches them: its jobs wait until somebody lets them run.
pub struct Local {
    pub systems: Vec<System>,
    pub jobs: Vec<(usize, Job)>,
}

impl Mounts for Local {
    fn send(&mut self, mount: usize, job: Job) -> Result<(), FileError> {
        self.jobs.push((mount, job));
        Ok(())
    }

    fn port(&mut self, mount: usize, badge: u64) -> Result<Port, FileError> {
        Ok(Port::from_raw(Handle::new(mount as u32, badge as u32)))
    }
}

pub type Service = Shared<FilesDispatcher<FileService<Local>>>;
pub type ServiceClient = FilesClient<Loopback<Service>>;

/// Everything.
pub struct World {
    pub service: Service,
    pub tmp: System,
}

/// Lets the jobs run that no hanging file system has to do.
pub fn run_jobs(service: &mut Service) {
    let mut service = service.0.borrow_mut();
    let (jobs, systems) = {
        let local = service.0.mounts_mut();
        (core::mem::take(&mut local.jobs), local.systems.clone())
    };
    for (mount, job) in jobs {
        if systems[mount].hangs.get() {
            service.0.mounts_mut().jobs.push((mount, job));
        } else {
            let answer = ask(&systems[mount].client(0), &job.request);
            service.0.answered(job.number, answer);
        }
    }
}

thread_local! {
    static SYSTEMS: RefCell<Vec<System>> = const { RefCell::new(Vec::new()) };
}

/// Clients in this thread.
pub struct Joined;

impl Connect for Joined {
    type Service = Loopback<Service>;
    type System = SystemTransport;

    fn connect(files: &FilesClient<Loopback<Service>>, mount: u32) -> Result<SystemTransport, CallError<FileError>> {
        let port = files.file_system(mount)?;
        let handle = port.into_raw();
        let system = SYSTEMS.with_borrow(|systems| systems[handle.index() as usize].clone());
        Ok(SystemTransport { system, badge: u64::from(handle.generation()) })
    }
}

impl World {
    /// `/tmp` and `/data`, and nobody known.
    pub fn new() -> World {
        let (tmp, data) = (System::new(), System::new());
        let mount = |path: &str, provider: &str| Mount { path: path.into(), provider: provider.into() };
        let systems = vec![tmp.clone(), data];
        SYSTEMS.set(systems.clone());
        let local = Local { systems, jobs: Vec::new() };
        let list = vec![mount("/tmp", "tmp"), mount("/data", "disk")];
        let service = Shared(Rc::new(RefCell::new(FilesDispatcher(FileService::new(list, local)))));
        World { service, tmp }
    }

    /// A client of the file service, known or not.
    pub fn stranger(&self, badge: u64) -> ServiceClient {
        FilesClient::new(Loopback::new(self.service.clone(), badge).with_later(run_jobs))
    }

    /// A client that was given this.
    pub fn client(&self, badge: u64, grants: &[&str]) -> ServiceClient {
        self.admit(badge, grants);
        self.stranger(badge)
    }

    pub fn admit(&self, badge: u64, grants: &[&str]) {
        let grants = grants.iter().map(|text| FileGrant::parse(text).unwrap()).collect::<Vec<_>>();
        self.stranger(0).admit(badge, &grants).unwrap();
        run_jobs(&mut self.service.clone());
    }

    /// A program's files, as it was given them.
    pub fn files(&self, badge: u64, grants: &[&str]) -> Files<Joined> {
        Files::over(self.client(badge, grants))
    }
}
