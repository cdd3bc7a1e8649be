//! Where init's own messages go.

use airox_abi::Handle;
use airox_bundle::system::FileGrant;
pub use airox_supervise::Severity;

/// Takes init's messages.
///
/// No method may wait for another process: init handles the faults of everyone it could wait for.
pub trait Journal {
    /// One message; lines after the first belong to it.
    fn say(&mut self, severity: Severity, text: &str);

    /// The log server runs (again): from now on messages can go to this port, unbadged, and it has to be told who is who.
    fn log_started(&mut self, port: Handle);

    /// There will be no log server any more.
    fn log_ended(&mut self);

    /// Records with this badge come from the program of this name.
    fn name(&mut self, badge: u64, name: &str);

    /// The program with this badge is gone.
    fn forget(&mut self, badge: u64);

    /// The file service runs (again): it has to be told through this port, unbadged, who may use which files.
    fn files_started(&mut self, port: Handle);

    /// There will be no file service any more.
    fn files_ended(&mut self);

    /// Who has this badge at the file service begins now, and may use these files.
    fn admit(&mut self, badge: u64, files: &[FileGrant]);

    /// Who had this badge at the file service has ended.
    fn release(&mut self, badge: u64);
}
